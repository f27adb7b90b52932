"""Validity checks, and results that other programs on the machine can explain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.histogram import Histogram
from kindgate.model import Verdict
from kindgate.slo.counts import measure
from kindgate.slo.grammar import parse_marker
from kindgate.slo.sample import BurstSample, Health
from kindgate.slo.threshold import Threshold
from kindgate.slo.validity import (
    ValidityCheck,
    check_validity,
    comparison_validity,
    holds_despite_foreign_load,
    largest_lateness,
    missed_by_wrong_responses,
)
from tests.unit.slo.conftest import _burst

MakeBurst = Callable[..., BurstSample]
MakeRun = Callable[..., list[BurstSample]]


def _failed(checks: tuple[ValidityCheck, ...]) -> list[str]:
    return [check.name for check in checks if check.failed]


def test_a_timely_generator_on_a_quiet_machine_passes_every_check(run: MakeRun) -> None:
    """Figures that are only reported neither pass nor fail."""
    checks = check_validity(run(pressure=0.5), 200.0)

    assert _failed(checks) == []
    assert [(check.measured, check.ok) for check in checks if check.name == "CPU pressure"] == [("50 %", None)]


@pytest.mark.parametrize(
    ("burst_options", "tightest", "names"),
    [
        ({"lag_ms": 1.0}, 3.0, []),
        ({"lag_ms": 1.1}, 3.0, ["loop lag"]),
        ({"lag_ms": 10.0}, 200.0, []),
        ({"lag_ms": 10.1}, 200.0, ["loop lag"]),
        ({"lag_ms": 500.0}, None, []),
        ({"punctual": 990}, 200.0, []),
        ({"punctual": 989}, 200.0, ["requests sent"]),
        ({"steal": 0.05}, 200.0, []),
        ({"steal": 0.051}, 200.0, ["CPU steal"]),
        ({"cpu_share": 0.79}, 200.0, []),
        ({"cpu_share": 0.80}, 200.0, ["generator CPU"]),
        ({"missing": 0.25}, 200.0, ["generators"]),
        ({"foreign": 0.15}, 200.0, []),
        ({"foreign": 0.151}, 200.0, ["foreign CPU"]),
        ({"foreign": 0.151}, None, ["foreign CPU"]),
        ({"pressure": 0.9}, 200.0, []),
    ],
)
def test_each_validity_check_at_its_limit(run: MakeRun, burst_options: dict[str, float], tightest: float | None, names: list[str]) -> None:
    """Loop lag up to 1 ms or 5 % of the tightest limit, 99 % sent on time, steal up to 5 %, CPU below 80 %, none missing, foreign 15 %."""
    checks = check_validity(run(count=2, **burst_options), tightest)

    assert _failed(checks) == names
    assert all(check.advice for check in checks if check.failed)


def test_missing_load_can_be_allowed(run: MakeRun) -> None:
    """With the option set, distributed load stays valid after losing one of its generators."""
    assert _failed(check_validity(run(missing=0.5), 200.0, allow_missing=True)) == []


def test_a_few_late_requests_fail_no_check(burst: MakeBurst) -> None:
    """The 99th percentile over all bursts decides, not the worst request or burst."""
    bursts = [burst([1.0] * 100) for _ in range(199)] + [burst([1.0] * 100, lag_ms=50)]

    assert _failed(check_validity(bursts, 10.0)) == []
    assert largest_lateness(bursts) == 100_000


def test_a_frozen_server_fails_no_validity_check(burst: MakeBurst) -> None:
    """Nothing was answered and most requests waited for a slot, but the generator did its part."""
    frozen = burst([], {"timeout": 256, "unsent": 744}, lag_ms=0.1)

    assert _failed(check_validity([frozen], 200.0)) == []


def test_unknown_figures_fail_no_check() -> None:
    """Without figures for steal and CPU, and without requests, no check fails."""
    checks = check_validity([BurstSample(0, 1, (), Histogram.empty(), Health())], 200.0)

    assert _failed(checks) == []
    assert {check.measured for check in checks if check.name != "generators"} == {"unknown"}
    assert largest_lateness([]) == 0


@pytest.mark.parametrize(("pressure", "failed"), [(0.25, []), (0.26, ["CPU pressure"])])
def test_pressure_is_checked_if_foreign_cpu_cannot_be_measured(run: MakeRun, pressure: float, failed: list[str]) -> None:
    """A server outside the run's clusters uses CPU time like any other program, so only CPU pressure can be checked."""
    assert _failed(check_validity(run(pressure=pressure), 200.0, by_pressure=True)) == failed
    assert _failed(check_validity(run(pressure=pressure), 200.0)) == []


def test_foreign_load_is_only_reported_in_a_comparison(run: MakeRun) -> None:
    """Other programs' CPU share is shown but fails no check; other failed checks stay failed."""
    checks = comparison_validity(check_validity(run(foreign=0.9, steal=0.5), 200.0))

    assert _failed(checks) == ["CPU steal"]
    assert [(check.measured, check.ok) for check in checks if check.name == "foreign CPU"] == [("90 % of the machine", None)]


def test_shares_are_averaged_over_time(burst: MakeBurst) -> None:
    """One burst with high steal among many without is within the limit."""
    assert _failed(check_validity([burst([1.0], steal=0.4), *[burst([1.0])] * 9], 200.0)) == []
    assert _failed(check_validity([burst([1.0], steal=0.6), *[burst([1.0])] * 9], 200.0)) == ["CPU steal"]


def _threshold(text: str) -> Threshold:
    (threshold,) = parse_marker((text,))
    return threshold


@pytest.mark.parametrize(
    ("text", "failed", "expected"),
    [
        ("p(95)<200", {"http": 6}, True),
        ("p(95)<200", {"check": 6}, True),
        ("p(95)<200", {"http": 5}, False),
        ("p(95)<200", {"timeout": 50}, False),
        ("p(95)<200", {"http": 4, "timeout": 50}, False),
        ("max<200", {"http": 1}, True),
        ("max<200", {"timeout": 1}, False),
        ("avg<200", {"http": 50}, False),
        ("avg<200", {"http": 100}, True),
        ("p(95)<200", {"http": 100}, True),
        ("p(95)<200", {"http": 99, "reset": 1}, True),
        ("send_lag: p(95)<1", {"http": 50}, False),
        ("http_req_failed: rate<0.05", {"http": 6}, True),
        ("http_req_failed: rate<0.05", {"connect": 6, "reset": 6, "unsent": 6, "unanswered": 6, "retried": 6}, False),
        ("http_req_failed{kind:timeout}: rate<0.05", {"http": 50, "timeout": 50}, False),
        ("http_req_failed: rate<=0", {"http": 1}, True),
        ("http_req_failed: rate==0", {"timeout": 1}, False),
        ("http_req_failed: rate>0.5", {"timeout": 1}, True),
        ("http_reqs: count>1000", {"http": 50}, False),
        ("dropped_iterations: count<1", {"unsent": 50}, False),
    ],
)
def test_only_wrong_responses_count_under_foreign_load(text: str, failed: dict[str, int], expected: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """A wrong status or body is the service's fault; slow, lost and unsent requests may be due to a lack of CPU time."""
    sample = _burst([1.0] * (100 - sum(failed.values())), failed)

    assert missed_by_wrong_responses(_threshold(text), [sample]) is expected


def test_wrong_bodies_fail_a_rate_of_checks(burst: MakeBurst) -> None:
    """Unanswered requests pass no check either, but here they are not the service's fault."""
    assert missed_by_wrong_responses(_threshold("checks: rate>0.9"), [burst([1.0] * 80, {"check": 20}, checks=(80, 20))])
    assert not missed_by_wrong_responses(_threshold("checks: rate>0.9"), [burst([1.0] * 80, {"timeout": 20}, checks=(80, 0))])


def test_checks_that_are_never_run_are_missed_on_any_machine(burst: MakeBurst) -> None:
    """Answers without any check fail; if there were no answers at all, some might have been checked."""
    assert missed_by_wrong_responses(_threshold("checks: rate>0.9"), [burst([1.0] * 10)])
    assert not missed_by_wrong_responses(_threshold("checks: rate>0.9"), [burst([], {"timeout": 10})])


def test_wrong_responses_must_be_significant(burst: MakeBurst) -> None:
    """A share of wrong answers just above the limit is not significant; one far above it is."""
    threshold = _threshold("http_req_failed: rate<0.05")

    def holds_despite(wrong: int) -> bool:
        samples = [burst([1.0] * (100 - wrong), {"http": wrong}, started=3.0 * place) for place in range(10)]
        return holds_despite_foreign_load(threshold, Verdict.FAIL, samples, 0.05)

    assert not holds_despite(6)
    assert holds_despite(12)


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE])
def test_other_verdicts_hold_despite_foreign_load_unless_about_time(burst: MakeBurst, verdict: Verdict) -> None:
    """Other programs cannot make the service answer more requests."""
    samples = [burst([1.0] * 100)] * 2

    assert holds_despite_foreign_load(_threshold("http_req_failed: rate<0.05"), verdict, samples, 0.05)
    assert holds_despite_foreign_load(_threshold("http_reqs: count>10"), verdict, samples, 0.05)
    for metric in ("http_req_duration", "http_req_waiting", "service_time", "send_lag"):
        assert not holds_despite_foreign_load(_threshold(f"{metric}: p(95)<200"), verdict, samples, 0.05)


@given(
    text=st.sampled_from(["p(95)<9", "p(50)<9", "max<9", "http_req_failed: rate<0.1", "http_req_failed: rate<=0", "checks: rate>0.9"]),
    good=st.integers(1, 40),
    failed=st.dictionaries(st.sampled_from(["http", "check", "timeout", "connect", "unsent", "retried"]), st.integers(1, 40)),
)
def test_a_miss_by_wrong_responses_alone_is_a_miss(text: str, good: int, failed: dict[str, int]) -> None:
    """If wrong answers alone explain a miss, the objective is in fact missed, whatever the failures."""
    sample = _burst([1.0] * good, failed, checks=(good, failed.get("check", 0)))
    threshold = _threshold(text)
    value = measure(threshold, [sample])

    if missed_by_wrong_responses(threshold, [sample]):
        assert value is not None
        assert not threshold.expression.holds(value)
