"""k6's JSON output becomes the result of a burst. The lines have the form that k6's documentation shows and k6 1.x writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.k6_output import k6_result
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.program import K6Script
from kindgate.load.result import BurstResult, FailureKind, Health

TARGET = Route("http://127.0.0.1:8080", "shop.localhost")
CLOSED = BurstPlan((TARGET,), ClosedLoop(10, 30.0), program=K6Script("/load.js", open_loop=False))
OPEN = replace(CLOSED, program=K6Script("/load.js", open_loop=True))


def point(metric: str, value: float, time: str, tags: Mapping[str, str]) -> str:
    """One sample."""
    return json.dumps({"metric": metric, "type": "Point", "data": {"time": time, "value": value, "tags": dict(tags)}})


def request(time: str = "2026-06-02T18:44:55.8795741+02:00", *, blocked: float = 0.0, duration: float = 57.0746, **tags: str) -> list[str]:
    """The samples of one request, in k6's order."""
    all_tags = {
        "expected_response": "true",
        "group": "",
        "method": "GET",
        "name": "http://shop.localhost/",
        "proto": "HTTP/1.1",
        "scenario": "default",
        "status": "200",
        "url": "http://shop.localhost/",
        **tags,
    }
    values = {
        "http_reqs": 1.0,
        "http_req_duration": duration,
        "http_req_blocked": blocked,
        "http_req_connecting": 0.0,
        "http_req_tls_handshaking": 0.0,
        "http_req_sending": 0.05,
        "http_req_waiting": duration - 0.1,
        "http_req_receiving": 0.05,
        "http_req_failed": float(all_tags["expected_response"] == "false"),
    }
    return [point(metric, value, time, all_tags) for metric, value in values.items()]


DEFINITION = (
    '{"type":"Metric","data":{"name":"http_req_duration","type":"trend","contains":"time","thresholds":["p(95)<200"],"submetrics":null},'
    '"metric":"http_req_duration"}'
)


def result(*lines: str, plan: BurstPlan = CLOSED, **options: Any) -> BurstResult:
    """Read these lines."""
    return k6_result(plan, lines, Health(), **options)


def test_a_request_counts_from_the_wait_for_its_connection() -> None:
    """k6's own duration leaves out connecting, which users wait for; definitions of metrics are no samples."""
    (series,) = result(DEFINITION, *request(blocked=2.5, duration=10.25)).series
    assert (series.route, series.method, series.host, series.completed, series.status) == ("/", "GET", "shop.localhost", 1, {200: 1})
    assert series.response.values.tolist() == [12_750]
    assert series.waiting.values.tolist() == [10_150]


def test_requests_are_grouped_by_name_method_group_and_scenario() -> None:
    """A URL of the application is shown without its address, another one in full, a name of the script as it is."""
    parts = (
        request(name="http://shop.localhost:8080/products?q=shoe"),
        request(name="https://elsewhere.example/x"),
        request(name="ItemURL", method="POST", group="::catalog", scenario="browse"),
    )
    series = {one.route: one for one in result(*(line for part in parts for line in part)).series}
    assert set(series) == {"/products?q=shoe", "https://elsewhere.example/x", "ItemURL"}
    assert (series["ItemURL"].method, series["ItemURL"].tags) == ("POST", (("group", "::catalog"), ("scenario", "browse")))


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"status": "503", "error_code": "1503"}, FailureKind.HTTP),
        ({"status": "200"}, FailureKind.HTTP),
        ({"status": "0", "error_code": "1050"}, FailureKind.TIMEOUT),
        ({"status": "0", "error_code": "1101"}, FailureKind.DNS),
        ({"status": "0", "error_code": "1211"}, FailureKind.TIMEOUT),
        ({"status": "0", "error_code": "1212"}, FailureKind.CONNECT),
        ({"status": "0", "error_code": "1220"}, FailureKind.RESET),
        ({"status": "0", "error_code": "1310"}, FailureKind.TLS),
        ({"status": "0", "error_code": "1600"}, FailureKind.RESET),
        ({"status": "0"}, FailureKind.RESET),
    ],
)
def test_a_failed_request_has_a_kind(tags: dict[str, str], kind: FailureKind) -> None:
    """By its status, or by k6's error code."""
    lines = [line.replace('"status": "200"', json.dumps(tags)[1:-1]) for line in request(expected_response="false")]
    assert result(*lines).failed == {kind: 1}


def test_a_status_that_the_script_expects_is_no_failure() -> None:
    """k6's `setResponseCallback(http.expectedStatuses(404))`."""
    assert result(*request(status="404")).total.completed == 1


def test_without_k6s_own_opinion_the_status_decides() -> None:
    """A script can switch off `http_req_failed`."""
    lines = [line for line in request(status="404") if "http_req_failed" not in line]
    assert result(*lines).failed == {FailureKind.HTTP: 1}


def test_checks_are_counted_by_name() -> None:
    """k6 does not say which request a check is about, so its figures are no part of a route's."""
    tags = {"check": "status is 200", "group": "::catalog", "scenario": "default"}
    checks = [point("checks", value, "2026-06-02T18:44:55Z", tags) for value in (1, 0, 1)]
    found = result(*request(), *checks)
    (check,) = (series for series in found.series if series.checks_failed)
    assert (check.checks_passed, check.checks_failed, check.scheduled) == (2, 1, 0)
    assert check.tags == (("check", "status is 200"), ("group", "::catalog"))
    assert (found.total.checks_failed, found.scheduled) == (1, 1)
    assert [route.label for route in found.plan.routes] == ["/"]


def iterations(count: int, dropped: int = 0, scenario: str = "buy") -> list[str]:
    """The samples of iterations that took 250 ms each."""
    tags, time = {"group": "", "scenario": scenario}, "2026-06-02T18:44:56Z"
    ended = [point(metric, value, time, tags) for metric, value in (("iteration_duration", 250.0), ("iterations", 1.0))]
    return [*ended * count, *([point("dropped_iterations", dropped, time, tags)] if dropped else [])]


def test_iterations_are_journeys_by_scenario() -> None:
    """Dropped ones were due but never started."""
    (journey,) = result(*request(), *iterations(3, dropped=2)).journeys
    assert (journey.journey, journey.scheduled, journey.started, journey.completed) == ("buy", 5, 3, 3)
    assert journey.duration.values.tolist() == [250_000]


def test_vus_are_a_closed_loop_and_arrival_rates_are_not() -> None:
    """Unless k6 dropped or cut off iterations: those would have been the slow ones."""
    lines = [*request(), *iterations(3)]
    assert result(*lines).closed_loop == "10 users"
    assert not result(*lines, plan=OPEN).closed_loop
    assert ": 2" in result(*lines, *iterations(0, dropped=2), plan=OPEN).closed_loop
    assert ": 1" in result(*request(), plan=OPEN, unfinished=1).closed_loop


def test_iterations_that_were_cut_off_have_an_unanswered_request() -> None:
    """k6 has no sample of a request that hangs until the end, which would hide an outage."""
    found = result(*request(), *iterations(1), unfinished=4)
    assert found.failed == {FailureKind.UNANSWERED: 4}
    (journey,) = found.journeys
    assert (journey.scheduled, journey.completed, journey.failed) == (5, 1, 4)


def test_the_generators_delay_is_unknown() -> None:
    """k6 does not report it; zero would claim that it is punctual."""
    assert result(*request()).loop_lag.count == 0


@pytest.mark.parametrize(
    "lines",
    [
        ['{"metric":"http_reqs","type":"Point","data":{}}'],
        ['{"metric":"http_reqs","type":"Point"'],
        [point("http_req_duration", 1.0, "2026-06-02T18:44:55Z", {})],
        [point("http_reqs", 1.0, "yesterday", {})],
        [*request(), *request("2026-06-02T18:44:57Z")[1:]],
    ],
)
def test_other_output_is_an_error(lines: list[str]) -> None:
    """Rather than figures that are wrong."""
    with pytest.raises(LoadError, match="not understood"):
        result(*lines)


def test_a_run_without_requests_is_an_error() -> None:
    """Nothing was measured."""
    with pytest.raises(LoadError, match="no request"):
        result(DEFINITION, *iterations(2))


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever else a script writes into the file."""
    with pytest.raises(LoadError):
        result(text)
