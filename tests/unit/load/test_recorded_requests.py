"""Requests that another program timed become the result of a burst."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.recorded_requests import NAMES_LIMIT, RecordedRequests, with_known_names
from kindgate.load.result import BurstResult, FailureKind, Health

PLAN = BurstPlan((Route("http://127.0.0.1/", "shop.localhost"),), ClosedLoop(2, 10.0))
STARTED = 1_790_000_000.0


def _result(requests: RecordedRequests) -> BurstResult:
    return requests.result(PLAN, STARTED, Health())


def test_each_name_and_method_has_exact_figures() -> None:
    """Times are kept in whole microseconds, sizes and statuses are added up."""
    requests = RecordedRequests()
    requests.add("/login", "POST", STARTED + 1, 0.25, status=201, size=10)
    requests.add("/login", "POST", STARTED + 2, 0.75, status=201, size=20)
    requests.add("/login", "GET", STARTED + 3, 0.001234, status=200)
    post, get = _result(requests).series
    assert (post.route, post.method, post.host, post.scheduled, post.completed) == ("/login", "POST", "shop.localhost", 2, 2)
    assert post.response.values.tolist() == [250_000, 750_000]
    assert (post.status, post.bytes_received, post.checks_passed) == ({201: 2}, 30, 0)
    assert get.response.values.tolist() == [1234]


def test_failures_have_no_response_time() -> None:
    """Failed requests are counted by kind, with the time that they took."""
    requests = RecordedRequests()
    requests.add("/", "GET", STARTED, 0.1, failure=FailureKind.HTTP, status=503)
    requests.add("/", "GET", STARTED, 0.2, failure=FailureKind.UNANSWERED)
    series = _result(requests).total
    assert series.failed == {FailureKind.HTTP: 1, FailureKind.UNANSWERED: 1}
    assert (series.response.count, series.failed_response.count, series.status) == (0, 2, {503: 1})


def test_checks_are_those_of_requests_that_the_program_checks() -> None:
    """A passed check and a failed one; a request without check counts as neither."""
    requests = RecordedRequests()
    requests.add("/cart", "GET", STARTED, 0.1, status=200, checked=True)
    requests.add("/cart", "GET", STARTED, 0.1, status=200, failure=FailureKind.CHECK, checked=True)
    requests.add("/", "GET", STARTED, 0.1, status=200)
    total = _result(requests).total
    assert (total.checks_passed, total.checks_failed) == (1, 1)


def test_the_delay_of_the_process_is_the_generators() -> None:
    """Every request carries the delay of the process that sent it; nothing was due before it was sent."""
    requests = RecordedRequests()
    requests.add("/", "GET", STARTED, 0.1, lag=0.003)
    requests.add("/", "GET", STARTED, 0.1, lag=0.0)
    result = _result(requests)
    assert result.loop_lag.values.tolist() == [0, 3000]
    assert (result.send_lag.max, result.send_lag.count, result.late) == (0, 2, 0)


@given(st.text(max_size=400), st.text(max_size=40))
def test_any_name_and_method_can_be_recorded(name: str, method: str) -> None:
    """Programs name their requests freely; a route holds the name, cut and in one line."""
    requests = RecordedRequests()
    requests.add(name, method, STARTED, 0.1)
    series = with_known_names(PLAN, _result(requests)).series[0]
    assert series.scheduled == 1
    assert len(series.route) <= 300
    assert "\n" not in series.route


def test_the_plan_of_the_result_has_all_names() -> None:
    """Routes of every worker, although each knows only its own."""
    parts = []
    for name in ("/a", "/b"):
        requests = RecordedRequests()
        requests.add(name, "GET", STARTED, 0.1)
        parts.append(_result(requests))
    result = with_known_names(PLAN, BurstResult.merged(parts))
    assert [route.label for route in result.plan.routes] == ["/a", "/b"]
    assert result.plan.loop == PLAN.loop


def test_a_burst_without_requests_is_an_error() -> None:
    """Nothing was measured."""
    with pytest.raises(LoadError, match="no request"):
        with_known_names(PLAN, _result(RecordedRequests()))


def test_too_many_names_are_an_error_that_says_how_to_group_them() -> None:
    """One name per id makes figures without use."""
    requests = RecordedRequests()
    for number in range(NAMES_LIMIT + 1):
        requests.add(f"/item/{number}", "GET", STARTED, 0.1)
    with pytest.raises(LoadError, match=f"more than {NAMES_LIMIT}") as caught:
        with_known_names(PLAN, _result(requests))
    assert "name=" in caught.value.next_step


def test_an_arm_is_kept() -> None:
    """The figures belong to the version that the target is."""
    plan = replace(PLAN, routes=(replace(PLAN.routes[0], arm="base"),))
    requests = RecordedRequests()
    requests.add("/", "GET", STARTED, 0.1)
    assert with_known_names(plan, requests.result(plan, STARTED, Health())).series[0].arm == "base"
