"""Drift over a run's bursts."""

from __future__ import annotations

import numpy as np
import pytest

from kindgate.slo.statistics import drift


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
