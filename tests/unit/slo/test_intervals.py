"""The share of bad requests and its confidence interval over bursts."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from kindgate.model import Verdict
from kindgate.slo.intervals import Proportion, effective_size

ALPHA = 0.05 / 3
COUNTS = st.lists(st.tuples(st.integers(0, 300), st.integers(300, 2000)), min_size=2, max_size=40)


def test_one_design_by_hand() -> None:
    """Two bursts of 100 with 2 and 8 bad: S2 = 2/1 * (9 + 9) / 200^2, against 0.05 * 0.95 / 200, times the serial-correlation factor."""
    proportion = Proportion.of([2, 8], [100, 100], inflation=1.0)

    assert proportion.share == 0.05
    assert proportion.design_effect == pytest.approx((2 * 18 / 200**2) / (0.05 * 0.95 / 200))
    assert Proportion.of([2, 8], [100, 100], inflation=3.0).design_effect == pytest.approx(3 * proportion.design_effect)


def test_bursts_that_resemble_their_neighbors_say_less() -> None:
    """Ten good bursts followed by ten bad ones are less certain than the same bursts alternating."""
    turns = Proportion.of([10, 30] * 10, [1000] * 20)
    halves = Proportion.of([10] * 10 + [30] * 10, [1000] * 20)

    assert turns.share == halves.share
    assert halves.lower(ALPHA) < turns.lower(ALPHA) < turns.upper(ALPHA) < halves.upper(ALPHA)
    assert halves.p_above(0.015) > turns.p_above(0.015)


def test_independent_requests_give_the_exact_binomial_interval() -> None:
    """With many equal bursts the interval converges to Clopper and Pearson's."""
    proportion = Proportion.of([5] * 4000, [100] * 4000)
    exact = binomtest(20_000, 400_000).proportion_ci(confidence_level=0.9, method="exact")

    assert (proportion.lower(0.05), proportion.upper(0.05)) == pytest.approx((exact.low, exact.high), rel=1e-4)


@given(counts=COUNTS)
def test_the_interval_holds_the_share_and_widens_with_certainty(counts: list[tuple[int, int]]) -> None:
    """The interval contains the share, and a smaller error rate widens it."""
    proportion = Proportion.of([bad for bad, _ in counts], [size for _, size in counts])

    assert 0 <= proportion.lower(0.01) <= proportion.lower(0.1) <= proportion.share
    assert proportion.share <= proportion.upper(0.1) <= proportion.upper(0.01) <= 1


@given(counts=COUNTS, allowed=st.floats(0.001, 0.5))
def test_the_p_value_is_where_the_lower_end_meets_the_limit(counts: list[tuple[int, int]], allowed: float) -> None:
    """The rule yields FAIL exactly for error rates above the p-value."""
    proportion = Proportion.of([bad for bad, _ in counts], [size for _, size in counts])
    p_value = proportion.p_above(allowed)
    assume(1e-12 < p_value < 0.4)

    assert proportion.lower(p_value * 1.01) > allowed
    assert proportion.lower(p_value * 0.99) <= allowed


def test_the_same_share_is_less_certain_when_one_burst_holds_it_all() -> None:
    """Clustered bad requests carry less evidence."""
    even = Proportion.of([50] * 20, [1000] * 20)
    clustered = Proportion.of([1000] + [0] * 19, [1000] * 20)

    assert even.share == clustered.share
    assert clustered.upper(ALPHA) > 3 * even.upper(ALPHA)


@pytest.mark.parametrize(
    ("bad", "allowed", "verdict"),
    [
        (10, 0.05, Verdict.PASS),
        (51, 0.05, Verdict.INCONCLUSIVE),
        (100, 0.05, Verdict.FAIL),
        (0, 0.0001, Verdict.INCONCLUSIVE),
        (1000, 0.5, Verdict.FAIL),
    ],
)
def test_the_verdict_needs_the_whole_interval_on_one_side(bad: int, allowed: float, verdict: Verdict) -> None:
    """PASS below the allowed share, FAIL above it, and undecided if the interval contains it."""
    assert Proportion.of([bad] * 10, [1000] * 10).verdict(allowed, ALPHA) is verdict


def test_one_burst_decides_nothing() -> None:
    """A single burst has no variance estimate, so the interval covers every share."""
    proportion = Proportion.of([500], [1000])

    assert (proportion.lower(ALPHA), proportion.upper(ALPHA)) == (0.0, 1.0)
    assert proportion.p_above(0.01) == 1.0
    assert effective_size(1000, 1, 1.0, ALPHA) == 0


def test_bursts_without_requests_count_for_nothing() -> None:
    """An empty burst is ignored, and having no requests at all is an error."""
    assert Proportion.of([3, 0, 4], [100, 0, 100]) == Proportion.of([3, 4], [100, 100])
    with pytest.raises(ValueError, match="no requests"):
        Proportion.of([0], [0])
