"""Wilcoxon's signed-rank test and its location estimate, Holm's correction, and drift over a run's bursts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from kindgate.slo.statistics import drift, hodges_lehmann, holm_rejected, p_greater, p_less, shift_interval

DIFFERENCES = st.lists(st.floats(-1, 1), min_size=6, max_size=60, unique_by=lambda value: round(value, 6))


@settings(max_examples=10)  # scipy's exact test enumerates all sign assignments
@given(differences=DIFFERENCES)
def test_the_sides_mirror_each_other(differences: list[float]) -> None:
    """Being slower by an amount is as likely as being faster by it."""
    assert p_less(differences) == p_greater([-difference for difference in differences])


def test_p_values_equal_scipys_wilcoxon() -> None:
    """The p-values equal scipy's wilcoxon."""
    differences = list(np.random.default_rng(1).normal(0.05, 0.1, 20))

    assert p_greater(differences) == wilcoxon(differences, alternative="greater").pvalue
    assert p_less(differences) == pytest.approx(wilcoxon(differences, alternative="less").pvalue)


def test_equal_arms_are_not_slower() -> None:
    """All zeros, some zeros or no data never call one arm slower."""
    assert p_greater([0.0] * 20) == 1.0
    assert p_greater([]) == 1.0
    assert p_greater([0.0] * 30 + [0.1] * 5) > 0.05


def test_the_estimate_is_the_median_of_pairwise_averages() -> None:
    """By hand: 1, 2, 6 have the pairwise averages 1, 1.5, 2, 3.5, 4, 6."""
    assert hodges_lehmann([1.0, 2.0, 6.0]) == 2.75
    with pytest.raises(ValueError, match="no differences"):
        hodges_lehmann([])


@settings(deadline=None)
@given(differences=DIFFERENCES)
def test_the_estimate_lies_in_the_interval(differences: list[float]) -> None:
    """The interval contains the estimate and widens with confidence."""
    narrow, wide = shift_interval(differences, 0.05), shift_interval(differences, 0.05 / 3)

    assert narrow is not None
    assert wide is not None
    assert wide[0] <= narrow[0] <= hodges_lehmann(differences) <= narrow[1] <= wide[1]


@pytest.mark.parametrize("pairs", [6, 20, 50, 80])
def test_the_interval_inverts_the_test(pairs: int) -> None:
    """Wilcoxon's test rejects shifts just outside it but not shifts just inside it."""
    differences = np.random.default_rng(pairs).normal(0.05, 0.1, pairs)
    interval = shift_interval(list(differences), 0.05)
    assert interval is not None
    low, high = interval

    assert p_greater(list(differences - low + 1e-9)) < 0.05
    assert p_greater(list(differences - low - 1e-9)) >= 0.05 - 0.003
    assert p_less(list(differences - high - 1e-9)) < 0.05
    assert p_less(list(differences - high + 1e-9)) >= 0.05 - 0.003


def test_too_few_pairs_have_no_interval() -> None:
    """With four pairs no shift can be rejected at 5 %."""
    assert shift_interval([0.1, 0.2, 0.3, 0.4], 0.05) is None


P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def test_holms_correction_steps_down() -> None:
    """The smallest p-value is compared with alpha / n, the next with alpha / (n - 1), until one is too large."""
    assert holm_rejected([0.04, 0.01, 0.03, 0.005], 0.05) == (False, True, False, True)


def test_a_single_objective_needs_no_correction() -> None:
    """A single p-value must be below alpha itself."""
    assert holm_rejected([0.0499], 0.05) == (True,)
    assert holm_rejected([0.05], 0.05) == (False,)


@given(p_values=P_VALUES)
def test_holms_correction_is_between_bonferroni_and_no_correction(p_values: list[float]) -> None:
    """Everything Bonferroni rejects is rejected, and nothing at or above alpha."""
    for p_value, rejected in zip(p_values, holm_rejected(p_values, 0.05), strict=True):
        assert rejected or p_value >= 0.05 / len(p_values)
        assert not rejected or p_value < 0.05


def test_a_rise_is_seen_with_both_ends() -> None:
    """For rising values, the averages of the first and last third are returned."""
    ends = drift([*map(float, range(1, 13)), None])

    assert ends == pytest.approx((2.5, 10.5))


@pytest.mark.parametrize("values", [[], [1.0] * 20, [1.0, 2.0, 3.0], [None] * 20])
def test_equal_or_few_values_have_no_drift(values: list[float | None]) -> None:
    """Constant values and short series show no drift."""
    assert drift(values) is None


def test_noise_is_rarely_taken_for_drift() -> None:
    """Of 300 runs of 20 independent bursts, at most 9 seem to drift: three times the nominal 1 %."""
    rng = np.random.default_rng(11)

    assert sum(drift(list(rng.normal(100, 5, 20))) is not None for _ in range(300)) <= 9
