"""The share of bad requests: its confidence interval over bursts, their serial correlation, and the range of undecided limits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from kindgate.model import Verdict
from kindgate.slo.grammar import parse_marker
from kindgate.slo.intervals import TYPICAL_CORRELATION, Finding, Proportion, effective_size, serial_correlation, variance_inflation
from kindgate.slo.rules import evaluate_rule
from kindgate.slo.sample import BurstSample

ALPHA = 0.05 / 3
COUNTS = st.lists(st.tuples(st.integers(0, 300), st.integers(300, 2000)), min_size=2, max_size=40)


def test_the_design_effect_of_two_bursts_by_hand() -> None:
    """Two bursts of 100 with 2 and 8 bad: S2 = 2/1 * (9 + 9) / 200^2, against 0.05 * 0.95 / 200, times the serial-correlation factor."""
    proportion = Proportion.of([2, 8], [100, 100], inflation=1.0)

    assert proportion.share == 0.05
    assert proportion.design_effect == pytest.approx((2 * 18 / 200**2) / (0.05 * 0.95 / 200))
    assert Proportion.of([2, 8], [100, 100], inflation=3.0).design_effect == pytest.approx(3 * proportion.design_effect)


def test_correlated_bursts_widen_the_interval() -> None:
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


def test_clustered_bad_requests_widen_the_interval() -> None:
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


def test_a_single_burst_is_inconclusive() -> None:
    """A single burst has no variance estimate, so the interval covers every share."""
    proportion = Proportion.of([500], [1000])

    assert (proportion.lower(ALPHA), proportion.upper(ALPHA)) == (0.0, 1.0)
    assert proportion.p_above(0.01) == 1.0
    assert effective_size(1000, 1, 1.0, ALPHA) == 0


def test_bursts_without_requests_are_ignored() -> None:
    """An empty burst is ignored, and having no requests at all is an error."""
    assert Proportion.of([3, 0, 4], [100, 0, 100]) == Proportion.of([3, 4], [100, 100])
    with pytest.raises(ValueError, match="no requests"):
        Proportion.of([0], [0])


DEVIATIONS = st.lists(st.integers(-1000, 1000), min_size=1, max_size=60).map(lambda values: np.array(values, np.float64))


def _series(correlation: float, bursts: int, seed: int = 3) -> NDArray[np.float64]:
    """Return a first-order autoregressive series."""
    noise = np.random.default_rng(seed).normal(size=bursts)
    values = np.empty(bursts)
    values[0] = noise[0]
    for place in range(1, bursts):
        values[place] = correlation * values[place - 1] + np.sqrt(1 - correlation**2) * noise[place]
    return values


@given(deviations=DEVIATIONS)
def test_variance_inflation_is_at_least_one_and_finite(deviations: NDArray[np.float64]) -> None:
    """Alternating bursts count as independent, and maximally correlated ones still have a finite variance."""
    assert 0 <= serial_correlation(deviations) < 1
    assert 1 <= variance_inflation(deviations) < np.inf


@given(deviations=DEVIATIONS, scale=st.integers(1, 1000))
def test_only_the_order_in_time_matters(deviations: NDArray[np.float64], scale: int) -> None:
    """Neither the unit of the deviations nor the direction of time changes the correlation."""
    found = serial_correlation(deviations)

    assert serial_correlation(deviations * scale) == pytest.approx(found)
    assert serial_correlation(deviations[::-1]) == pytest.approx(found)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_many_bursts_reveal_their_actual_correlation(correlation: float) -> None:
    """With thousands of bursts the typical correlation hardly matters, and the variance is that of the series' averages."""
    deviations = _series(correlation, 20_000)
    averages = deviations.reshape(-1, 100).mean(axis=1)

    assert serial_correlation(deviations) == pytest.approx(correlation, abs=0.02)
    assert variance_inflation(deviations) == pytest.approx(100 * averages.var() / deviations.var(), rel=0.2)


def test_few_bursts_are_shrunk_toward_the_typical_correlation() -> None:
    """One look of alternating bursts lowers the typical correlation, and one of similar neighbors raises it."""
    alternating, halves = np.array([1.0, -1.0] * 10), np.array([1.0] * 10 + [-1.0] * 10)

    assert serial_correlation(alternating) == 0
    assert serial_correlation(np.zeros(20)) == TYPICAL_CORRELATION
    assert serial_correlation(halves) == pytest.approx((20 * (17 / 20 + 1 / 20) + 30 * 0.4) / 50)


MakeBurst = Callable[..., BurstSample]
MakeRun = Callable[..., list[BurstSample]]


@pytest.mark.parametrize("operator", ["<", ">"])
def test_a_percentile_interval_ends_where_the_verdict_changes(run: MakeRun, operator: str) -> None:
    """Just outside the interval every limit is decided, one way below it and the other way above; inside it none is.

    A limit that is judged itself has its own variance inflation, which moves the ends by less than 1 %.
    """
    samples = run()
    finding = evaluate_rule(parse_marker((f"p(95){operator}162",))[0], samples, ALPHA, 0.0)
    assert finding.interval is not None
    low, high = finding.interval
    assert low is not None
    assert high is not None

    def verdict(limit: float) -> Verdict:
        return evaluate_rule(parse_marker((f"p(95){operator}{limit}",))[0], samples, ALPHA, 0.0).verdict

    below, above = (Verdict.FAIL, Verdict.PASS) if operator == "<" else (Verdict.PASS, Verdict.FAIL)
    assert verdict(low * 0.99) is below
    assert verdict(high * 1.01) is above
    assert verdict((low + high) / 2) is Verdict.INCONCLUSIVE


def test_a_percentile_interval_uses_one_inflation(burst: MakeBurst) -> None:
    """Bursts alternate at the limit but differ by halves of the run above it: the range uses the variance inflation at the limit."""
    samples = []
    for place in range(20):
        slowest, slow = (50 if place < 10 else 110), (110 if place % 2 else 150)  # requests of 300 ms, and of at least 200 ms
        samples.append(burst(np.repeat([100.0, 200.0, 300.0], [1000 - slow, slow - slowest, slowest])))

    def finding(limit: float) -> Finding:
        return evaluate_rule(parse_marker((f"p(90)<{limit:g}",))[0], samples, ALPHA, 0.0)

    assert finding(200).interval == (200, 200)
    assert finding(250).verdict is Verdict.INCONCLUSIVE


def test_a_percentile_interval_never_contradicts_the_verdict_at_the_limit(burst: MakeBurst) -> None:
    """If all times are equal, the range starts at a missed limit and never reaches a met one."""
    samples = [burst([200.0] * 1000)] * 20

    assert evaluate_rule(parse_marker(("p(95)<150",))[0], samples, ALPHA, 0.0).interval == (150, 200)
    assert evaluate_rule(parse_marker(("p(95)<250",))[0], samples, ALPHA, 0.0).interval == (None, 200)


def test_too_many_failures_leave_a_percentile_unbounded_above(run: MakeRun) -> None:
    """If more requests go unanswered than may be slow, no limit is high enough."""
    finding = evaluate_rule(parse_marker(("p(95)<200",))[0], run(failed={"timeout": 100}), ALPHA, 0.0)

    assert finding.interval is not None
    assert finding.interval[1] is None


def test_too_few_requests_leave_a_percentile_unbounded_above(run: MakeRun) -> None:
    """200 requests cannot bound a p(99.9), even if all are fast."""
    finding = evaluate_rule(parse_marker(("p(99.9)<1000",))[0], run(count=10, size=20), ALPHA, 0.0)

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.interval is not None
    assert finding.interval[1] is None
