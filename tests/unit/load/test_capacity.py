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
    seen: list[Step] = []

    def send(rate: float) -> BurstResult:
        return burst(rate, share_failed=0.02 if rate > 400 else 0.005)

    found = find_capacity(search_rates(100, 2, 10_000), send, passes, on_step=seen.append)
    assert found.rate == 400
    assert [step.rate for step in found.steps] == [100, 200, 400, 800, 800]
    assert found.steps == tuple(seen)
    assert "98.0%" in found.steps[-1].reason
    assert not found.exhausted


def test_one_bad_moment_is_forgiven() -> None:
    """A rate that fails once but passes when repeated has passed."""
    bad = iter(["slow", *[""] * 9])
    found = find_capacity(search_rates(100, 2, 400), burst, lambda _: next(bad))
    assert (found.rate, found.exhausted) == (400, True)
    assert [step.passed for step in found.steps] == [False, True, True, True]


def test_not_even_the_first_rate() -> None:
    """No capacity is reported if the first rate fails."""
    found = find_capacity(search_rates(100, 2, 400), burst, lambda _: "too slow")
    assert (found.rate, len(found.steps)) == (None, 2)


def test_an_interrupted_burst_ends_the_search() -> None:
    """The rates that passed until then count; the interrupted burst is a step that did not pass."""
    found = find_capacity(search_rates(100, 2, 10_000), lambda rate: burst(rate, interrupted=rate > 100), passes)
    assert (found.rate, found.exhausted, found.interrupted) == (100, False, True)
    assert [(step.rate, step.passed) for step in found.steps] == [(100, True), (200, False)]


@pytest.mark.parametrize(("start", "factor"), [(0, 2), (100, 1)])
def test_a_search_without_end_is_refused(start: float, factor: float) -> None:
    """It would repeat the same rate forever."""
    with pytest.raises(LoadError, match="capacity"):
        list(search_rates(start, factor, 1000))
