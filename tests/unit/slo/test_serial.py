"""Serial correlation between neighboring bursts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kindgate.slo.intervals import TYPICAL_CORRELATION, serial_correlation, variance_inflation

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
def test_no_bursts_narrow_an_interval_or_make_it_infinite(deviations: NDArray[np.float64]) -> None:
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
def test_many_bursts_show_their_own_correlation(correlation: float) -> None:
    """With thousands of bursts the typical correlation hardly matters, and the variance is that of the series' averages."""
    deviations = _series(correlation, 20_000)
    averages = deviations.reshape(-1, 100).mean(axis=1)

    assert serial_correlation(deviations) == pytest.approx(correlation, abs=0.02)
    assert variance_inflation(deviations) == pytest.approx(100 * averages.var() / deviations.var(), rel=0.2)


def test_few_bursts_count_about_as_much_as_what_is_typical() -> None:
    """One look of alternating bursts lowers the typical correlation, and one of similar neighbors raises it."""
    alternating, halves = np.array([1.0, -1.0] * 10), np.array([1.0] * 10 + [-1.0] * 10)

    assert serial_correlation(alternating) == 0
    assert serial_correlation(np.zeros(20)) == TYPICAL_CORRELATION
    assert serial_correlation(halves) == pytest.approx((20 * (17 / 20 + 1 / 20) + 30 * 0.4) / 50)
