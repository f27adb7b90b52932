"""How many requests a compared percentile needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.slo.figure_size import ENOUGH_BEYOND, LEAST_BEYOND, beyond, needed_requests_beyond


@given(quantile=st.floats(1, 99.9), count=st.sampled_from([LEAST_BEYOND, ENOUGH_BEYOND]))
def test_the_needed_number_is_the_smallest_with_enough_beyond(quantile: float, count: float) -> None:
    """One request fewer has too few beyond the percentile."""
    needed = needed_requests_beyond(count, quantile)

    assert beyond(needed, quantile) >= count * (1 - 1e-6)
    assert beyond(needed - 1, quantile) < count


@pytest.mark.parametrize(("quantile", "needed"), [(50.0, 2), (90.0, 10), (95.0, 20), (99.0, 100), (99.9, 1000)])
def test_common_percentiles_need_round_numbers(quantile: float, needed: int) -> None:
    """Binary fractions do not add a request."""
    assert needed_requests_beyond(LEAST_BEYOND, quantile) == needed
