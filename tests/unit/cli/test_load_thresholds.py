"""Thresholds applied to a single burst: met, missed, or not the server's fault."""

from __future__ import annotations

import numpy as np
import pytest

from kindgate.cli.load_thresholds import BurstVerdict, judge_burst, parse_thresholds
from kindgate.load.aggregate import burst_result
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.raw_samples import CODES, OK
from kindgate.load.result import FailureKind, Health
from kindgate.model import Verdict

PLAN = BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(100, requests=100))


def verdict_of(
    *texts: str,
    foreign: float | None = None,
    pressure: float | None = None,
    wrong: int = 0,
    slow: int = 0,
    by_pressure: bool = False,
    plan: BurstPlan = PLAN,
) -> BurstVerdict:
    """Judge a burst of 100 requests of 10 ms, `slow` of them taking 500 ms and `wrong` of them answered with a 500."""
    millis = np.full(100, 10)
    millis[:slow] = 500
    outcomes = np.full(100, OK)
    outcomes[100 - wrong :] = CODES[FailureKind.HTTP]
    rows = np.array(
        [(0, n, n, n + time * 1_000_000, 0, 1, outcome, 200) for n, (time, outcome) in enumerate(zip(millis, outcomes, strict=True))]
    )
    result = burst_result(plan, rows, started=1000.0, health=Health(foreign=foreign, pressure=pressure))
    return judge_burst(parse_thresholds(texts), result, by_pressure=by_pressure)


@pytest.mark.parametrize(
    ("threshold", "slow", "wrong", "verdict"),
    [
        ("p(95)<200", 0, 0, Verdict.PASS),
        ("p(95)<200", 10, 0, Verdict.INVALID),
        ("p(95)<200", 10, 10, Verdict.FAIL),
        ("http_req_failed: rate<0.05", 10, 10, Verdict.FAIL),
        ("http_req_failed: rate<0.05", 10, 0, Verdict.PASS),
        ("http_reqs: count>1000", 10, 0, Verdict.FAIL),
    ],
)
def test_pressure_excuses_a_missed_time_of_a_plain_url(threshold: str, slow: int, wrong: int, verdict: Verdict) -> None:
    """A met threshold stays met, and a 500 is not due to a lack of CPU time."""
    burst_verdict = verdict_of(threshold, pressure=0.9, slow=slow, wrong=wrong, by_pressure=True)

    assert burst_verdict.verdict is verdict
    assert any("CPU pressure" in reason for reason in burst_verdict.reasons) is (verdict is Verdict.INVALID)


def test_pressure_of_an_own_cluster_excuses_nothing() -> None:
    """It comes from the application itself under high load."""
    assert verdict_of("p(95)<200", pressure=0.9, slow=10).verdict is Verdict.FAIL


def test_a_kernel_without_pressure_excuses_nothing() -> None:
    """An unknown value is not too high."""
    assert verdict_of("p(95)<200", slow=10, by_pressure=True).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("slow", "foreign", "verdict"), [(0, 0.1, Verdict.PASS), (10, 0.1, Verdict.FAIL), (0, 0.9, Verdict.INVALID), (10, 0.9, Verdict.INVALID)]
)
def test_busy_machines_make_times_of_an_own_cluster_invalid(slow: int, foreign: float, verdict: Verdict) -> None:
    """Neither a met nor a missed time gets a verdict."""
    assert verdict_of("p(95)<200", foreign=foreign, slow=slow).verdict is verdict


def test_one_miss_without_an_excuse_fails() -> None:
    """FAIL outranks INVALID; the broken check is named for the objective it concerns."""
    burst_verdict = verdict_of("p(95)<200", "http_req_failed: rate<0.01", foreign=0.9, slow=10, wrong=2)

    assert burst_verdict.verdict is Verdict.FAIL
    assert any(reason.startswith("foreign CPU: 90 % of the machine") for reason in burst_verdict.reasons)


@pytest.mark.parametrize(
    ("threshold", "wrong", "verdict"),
    [
        ("p(95)<200", 0, Verdict.INVALID),
        ("service_time: p(95)<200", 0, Verdict.INVALID),
        ("p(95)<5", 0, Verdict.FAIL),
        ("http_req_failed: rate<0.05", 0, Verdict.PASS),
        ("http_req_failed: rate<0.05", 10, Verdict.FAIL),
    ],
)
def test_a_closed_loop_never_passes_a_threshold_on_a_time(threshold: str, wrong: int, verdict: Verdict) -> None:
    """A met one is INVALID with the reason; a missed one and wrong responses are FAIL."""
    closed = BurstPlan(PLAN.routes, ClosedLoop(3, requests=100))

    burst_verdict = verdict_of(threshold, wrong=wrong, plan=closed)

    assert burst_verdict.verdict is verdict
    assert any("closed loop: 3 users" in reason for reason in burst_verdict.reasons) is (verdict is Verdict.INVALID)


def test_a_closed_loop_without_thresholds_is_not_invalid() -> None:
    """It measures throughput, which is what closed loops are for."""
    assert verdict_of(plan=BurstPlan(PLAN.routes, ClosedLoop(3, requests=100))).verdict is Verdict.PASS
