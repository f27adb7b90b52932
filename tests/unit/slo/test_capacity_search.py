"""The search for a capacity: finds it from either side, repeats misses, and stops where it learns nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.model import Verdict
from kindgate.slo.capacity_search import NEAR_BURSTS, PRECISION, SMALLEST_SHARE, CapacityRange, RateTrial, capacity_range, next_rate

Outcome = Callable[[float], Verdict]


def search(start: float, outcome: Outcome, bursts: int = 1) -> list[RateTrial]:
    """Every trial of a search that begins at `start`, which `bursts` bursts have decided."""
    trials = [RateTrial(start, outcome(start), bursts=bursts)]
    while (rate := next_rate(trials)) is not None:
        trials.append(RateTrial(rate, outcome(rate)))
    return trials


def up_to(capacity: float) -> Outcome:
    """A service that meets its objectives up to `capacity`."""
    return lambda rate: Verdict.PASS if rate <= capacity else Verdict.FAIL


@given(start=st.floats(1, 5_000), factor=st.floats(2 * SMALLEST_SHARE, 20))
def test_a_capacity_is_found_from_below_and_from_above(start: float, factor: float) -> None:
    """The range around it is narrow, and the number of bursts is small."""
    capacity = start * factor
    trials = search(start, up_to(capacity))
    found = capacity_range(trials)

    assert found.met is not None
    assert found.missed is not None
    assert found.met <= capacity < found.missed
    assert found.missed / found.met <= PRECISION + 0.1 / found.met + 0.05
    assert len(trials) < 40


def test_the_bursts_of_a_near_capacity_are_known_before_the_search() -> None:
    """The first rate, which three looks decided, is not counted."""
    counts = [len(search(800, up_to(8 * percent), bursts=30)) - 1 for percent in range(50, 200)]

    assert (min(counts), max(counts)) == NEAR_BURSTS


def test_a_search_ends_at_the_largest_rate() -> None:
    """A capacity beyond it is only known to be no less than the last rate."""
    found = capacity_range(search(8_796.0, up_to(167_124.0)))

    assert (found.met, found.missed, found.at_least) == (160_002.0, None, True)


def test_a_miss_counts_only_if_it_repeats() -> None:
    """One bad moment is not a limit: the rate that passes the second time is met."""
    bad = iter([Verdict.PASS, Verdict.FAIL])
    trials = search(100, lambda rate: next(bad, up_to(300)(rate)))

    assert [trial.rate for trial in trials[:3]] == [100, 125, 125]
    found = capacity_range(trials)
    assert found.met is not None
    assert 280 < found.met <= 300


def test_a_rate_that_many_bursts_missed_is_not_repeated() -> None:
    """The judgement at the required rate already has the bursts of a look."""
    assert next_rate([RateTrial(100, Verdict.FAIL, bursts=25)]) == 80


def test_the_generators_limit_ends_the_search() -> None:
    """Where the generator is the bottleneck, the capacity is only known to be at least the last rate."""
    trials = search(100, lambda rate: Verdict.PASS if rate <= 200 else Verdict.INVALID)

    found = capacity_range(trials)
    assert (found.met, found.missed, found.at_least) == (195, 244, True)
    assert [trial.rate for trial in trials].count(244) == 2


def test_a_service_that_never_meets_its_objectives_ends_the_search() -> None:
    """The search does not go on to rates that show nothing."""
    trials = search(100, lambda _rate: Verdict.FAIL)

    assert trials[-1].rate >= 100 * SMALLEST_SHARE
    assert capacity_range(trials).met is None


@pytest.mark.parametrize(
    ("trials", "found"),
    [
        ([RateTrial(10, Verdict.PASS)], CapacityRange(10, None)),
        ([RateTrial(10, Verdict.FAIL, "slow"), RateTrial(8, Verdict.PASS)], CapacityRange(8, 10, "slow")),
        ([RateTrial(10, Verdict.FAIL, "slow"), RateTrial(10, Verdict.PASS)], CapacityRange(10, None)),
        ([RateTrial(10, Verdict.INVALID, "steal"), RateTrial(8, Verdict.PASS)], CapacityRange(8, 10, "steal", unknown=True)),
    ],
)
def test_the_range_lies_between_the_highest_met_and_the_lowest_missed_rate(trials: list[RateTrial], found: CapacityRange) -> None:
    """Its reason is that of the missed rate."""
    assert capacity_range(trials) == found
