"""k6's options and its end-of-test summary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kindgate.errors import LoadError
from kindgate.load.k6 import k6_seconds, k6_summary, read_k6_options
from kindgate.load.plan import OpenLoop, Stage
from tests.unit.load.mixed_burst import journey_result, mixed_result


def test_k6_constant_arrival_rate_is_converted() -> None:
    """Rates per time unit, durations, VUs and both forms of thresholds are read."""
    options = read_k6_options(
        {
            "scenarios": {"s": {"executor": "constant-arrival-rate", "rate": 600, "timeUnit": "1m", "duration": "1m30s", "maxVUs": 40}},
            "thresholds": {
                "http_req_duration": ["p(95)<200", {"threshold": "avg<50", "abortOnFail": True}],
                "http_req_failed": "rate<0.01",
            },
        }
    )
    assert options.loop == OpenLoop((Stage(90, 10, 10),), "uniform")
    assert options.max_vus == 40
    assert options.thresholds == ("http_req_duration: p(95)<200", "http_req_duration: avg<50", "http_req_failed: rate<0.01")


def test_a_k6_ramp_starts_at_the_previous_target() -> None:
    """A stage of zero duration is a step."""
    stages = [{"target": 100, "duration": "10s"}, {"target": 50, "duration": "0s"}, {"target": 50, "duration": "500ms"}]
    options = read_k6_options({"scenarios": {"s": {"executor": "ramping-arrival-rate", "startRate": 20, "stages": stages}}})
    assert options.loop.stages == (Stage(10, 20, 100), Stage(0.5, 50, 50))


UNSET = dict.fromkeys(("startTime", "gracefulStop", "env", "exec", "tags", "options", "timeUnit", "startRate", "maxVUs"))
"""Keys that `k6 inspect` prints as null if a scenario does not set them."""


@pytest.mark.parametrize(
    ("scenario", "stages"),
    [
        ({"executor": "constant-arrival-rate", "duration": "1s", "rate": 40}, (Stage(1, 40, 40),)),
        ({"executor": "constant-arrival-rate", "duration": "1000000us", "rate": 2400, "timeUnit": "1m0s"}, (Stage(1, 40, 40),)),
        (
            {"executor": "ramping-arrival-rate", "stages": [{"duration": "1s", "target": 40}, {"duration": "0s", "target": 20}]},
            (Stage(1, 0, 40),),
        ),
    ],
)
def test_the_output_of_k6_inspect_is_converted(scenario: dict[str, object], stages: tuple[Stage, ...]) -> None:
    """Null means k6's default in the scenario, in thresholds and at the top level."""
    nulls = dict.fromkeys(("paused", "vus", "duration", "iterations", "stages"))
    thresholds = {"http_req_failed": ["rate<0.01", {"threshold": "rate<0.1", "abortOnFail": None, "delayAbortEval": None}], "checks": None}

    options = read_k6_options({**nulls, "scenarios": {"s": {**UNSET, "preAllocatedVUs": 10, **scenario}}, "thresholds": thresholds})

    assert (options.loop, options.max_vus) == (OpenLoop(stages, "uniform"), 10)
    assert options.thresholds == ("http_req_failed: rate<0.01", "http_req_failed: rate<0.1")
    assert read_k6_options({"scenarios": {"s": {**UNSET, **scenario}}, "thresholds": None}).thresholds == ()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "exactly one scenario"),
        ({"scenarios": {"a": {}, "b": {}}}, "exactly one scenario"),
        ({"scenarios": {"a": {"executor": "constant-vus"}}}, "'constant-vus'"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5}}}, "cannot read"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5, "duration": "soon"}}}, "not a duration"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5, "duration": True}}}, "not a duration"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5, "duration": -1}}}, "not a duration"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": None, "duration": "1s"}}}, "cannot read"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 0, "duration": "1s"}}}, "yield no requests"),
        ({"scenarios": None}, "exactly one scenario"),
    ],
)
def test_unsupported_k6_scenarios_are_rejected(options: dict[str, object], reason: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(LoadError, match=reason):
        read_k6_options(options)


CONSTANT_RATE = {"scenarios": {"s": {"executor": "constant-arrival-rate", "rate": 40, "duration": "1s"}}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (None, True, True, "")),
        ({"maxRedirects": 0}, (0, True, True, "")),
        ({"maxRedirects": 4, "noConnectionReuse": True}, (4, False, True, "")),
        ({"noVUConnectionReuse": True, "insecureSkipTLSVerify": True}, (None, False, False, "")),
        ({"noConnectionReuse": False, "insecureSkipTLSVerify": None, "userAgent": "me"}, (None, True, True, "me")),
    ],
)
def test_k6_connection_options_are_converted(given: dict[str, object], expected: tuple[object, ...]) -> None:
    """Unset options keep their defaults."""
    options = read_k6_options({**CONSTANT_RATE, **given})
    assert (options.redirects, options.keep_alive, options.verify, options.user_agent) == expected


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("options", "tags", {"team": "shop"}),
        ("options", "rps", 100),
        ("options", "hosts", {"shop.example": "10.0.0.1"}),
        ("options", "tlsVersion", {"min": "tls1.3", "max": ""}),
        ("options", "executionSegment", "0:1/2"),
        ("scenario", "startTime", "10s"),
        ("scenario", "exec", "checkout"),
        ("scenario", "tags", {"part": "a"}),
    ],
)
def test_k6_options_that_would_change_the_load_are_rejected_by_name(where: str, key: str, value: object) -> None:
    """Otherwise they would be ignored silently."""
    scenario = {**CONSTANT_RATE["scenarios"]["s"], **({key: value} if where == "scenario" else {})}
    with pytest.raises(LoadError, match=f"'{key}' in .* is not supported"):
        read_k6_options({"scenarios": {"s": scenario}, **({key: value} if where == "options" else {})})


def test_k6_options_with_default_values_are_accepted() -> None:
    """k6 prints defaults for options that were not set."""
    scenario = {**CONSTANT_RATE["scenarios"]["s"], "startTime": "0s", "exec": "default", "tags": {}, "options": None}
    defaults = {"tags": {}, "rps": None, "hosts": {}, "tlsVersion": {"min": "", "max": ""}, "executionSegment": "0:1", "batch": 20}
    assert read_k6_options({"scenarios": {"s": scenario}, **defaults}).loop == OpenLoop((Stage(1, 40, 40),), "uniform")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1.5s", 1.5), (250, 0.25), ("2000", 2), ("1000000us", 1), ("1m0s", 60), ("1d", 86400)],
)
def test_k6_durations_are_converted_to_seconds(text: object, expected: float) -> None:
    """Durations use Go's syntax; a bare number means milliseconds."""
    assert k6_seconds(text) == pytest.approx(expected)


def test_the_k6_summary_has_k6s_names_and_milliseconds() -> None:
    """As in k6's export, true marks a failed threshold."""
    exported = k6_summary(mixed_result(), {"http_req_duration": {"p(95)<1": False}, "http_req_failed": {"rate<0.9": True}})["metrics"]
    assert exported["http_req_duration{expected_response:true}"]["max"] == 12
    assert exported["http_req_duration"]["thresholds"] == {"p(95)<1": True}
    assert exported["http_req_failed"] == {"passes": 3, "fails": 2, "value": 0.6, "thresholds": {"rate<0.9": False}}
    assert exported["http_reqs"]["count"] == 4
    assert exported["dropped_iterations"]["count"] == 1


def test_the_k6_summary_has_submetrics_of_routes_and_journeys() -> None:
    """With journeys, an iteration is a journey that was started, and its duration counts from the intended start."""
    exported = k6_summary(journey_result(), {"iteration_duration{journey:buy}": {"p(95)<1": False}})["metrics"]
    assert exported["http_req_duration{route:cart}"] == exported["http_req_duration"]
    assert exported["http_req_failed{route:cart}"] == {"passes": 3, "fails": 2, "value": 0.6}
    assert exported["iterations"] == exported["iterations{journey:buy}"] == {"count": 2, "rate": 2.0}
    assert exported["dropped_iterations"]["count"] == 1
    assert exported["iteration_duration"]["max"] == 250
    assert exported["iteration_duration{journey:buy}"]["thresholds"] == {"p(95)<1": True}


def test_a_dropped_request_outside_of_journeys_is_a_dropped_iteration() -> None:
    """As in objectives: what came due and was never started is dropped, whether it is a journey or a request."""
    with_journeys = journey_result()
    result = replace(with_journeys, series=(*with_journeys.series, *mixed_result().series))
    exported = k6_summary(result, {})["metrics"]
    assert exported["dropped_iterations"]["count"] == 2
    assert exported["dropped_iterations{journey:buy}"]["count"] == 1


def test_without_journeys_an_iteration_is_a_request() -> None:
    """Each request is one execution of a script that only requests."""
    exported = k6_summary(mixed_result(), {})["metrics"]
    assert exported["iterations"] == exported["http_reqs"]
    assert "iteration_duration" not in exported
