"""Capacity search: stops at the first rate that fails twice and tolerates a single bad burst."""

from __future__ import annotations

import numpy as np
import pytest

from kindgate.errors import LoadError
from kindgate.load.aggregate import burst_result
from kindgate.load.capacity import Step, find_capacity, search_rates
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, OK
from kindgate.load.result import BurstResult, FailureKind, Health


def burst(rate: float, *, share_failed: float = 0.0, interrupted: bool = False) -> BurstResult:
    """A burst of 100 requests, a share of which timed out."""
    plan = BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(rate, requests=100))
    bad = round(100 * share_failed)
    table = [(0, n, n, n + 1000, 0, 1, CODES[FailureKind.TIMEOUT] if n < bad else OK, 200) for n in range(100)]
    return burst_result(plan, np.array(table, np.int64), started=0.0, health=Health(), interrupted=interrupted)


def passes(_: BurstResult) -> str:
    """A judge without objectives."""
    return ""


def test_the_highest_rate_that_passed_is_the_capacity() -> None:
    """Without any threshold, overload shows as a low share of answers; the failing rate is tried twice."""
    reported: list[Step] = []

    def send(rate: float) -> BurstResult:
        return burst(rate, share_failed=0.02 if rate > 400 else 0.005)

    capacity = find_capacity(search_rates(100, 2, 10_000), send, passes, on_step=reported.append)
    assert capacity.rate == 400
    assert [step.rate for step in capacity.steps] == [100, 200, 400, 800, 800]
    assert capacity.steps == tuple(reported)
    assert "98.0%" in capacity.steps[-1].reason
    assert not capacity.exhausted


def test_a_single_failed_burst_is_repeated() -> None:
    """A rate that fails once but passes when repeated has passed."""
    bad = iter(["slow", *[""] * 9])
    capacity = find_capacity(search_rates(100, 2, 400), burst, lambda _: next(bad))
    assert (capacity.rate, capacity.exhausted) == (400, True)
    assert [step.passed for step in capacity.steps] == [False, True, True, True]


def test_the_capacity_is_unknown_if_the_first_rate_fails() -> None:
    """No capacity is reported if the first rate fails."""
    capacity = find_capacity(search_rates(100, 2, 400), burst, lambda _: "too slow")
    assert (capacity.rate, len(capacity.steps)) == (None, 2)


def test_an_interrupted_burst_ends_the_search() -> None:
    """The rates that passed until then count; the interrupted burst is a step that did not pass."""
    capacity = find_capacity(search_rates(100, 2, 10_000), lambda rate: burst(rate, interrupted=rate > 100), passes)
    assert (capacity.rate, capacity.exhausted, capacity.interrupted) == (100, False, True)
    assert [(step.rate, step.passed) for step in capacity.steps] == [(100, True), (200, False)]


@pytest.mark.parametrize(("start", "factor"), [(0, 2), (100, 1)])
def test_an_endless_search_is_rejected(start: float, factor: float) -> None:
    """It would repeat the same rate forever."""
    with pytest.raises(LoadError, match="capacity"):
        list(search_rates(start, factor, 1000))
