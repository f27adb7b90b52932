"""Holm's correction."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kindgate.slo.statistics import holm_rejected

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def test_it_steps_down() -> None:
    """The smallest p-value is compared with alpha / n, the next with alpha / (n - 1), until one is too large."""
    assert holm_rejected([0.04, 0.01, 0.03, 0.005], 0.05) == (False, True, False, True)


def test_a_single_objective_needs_no_correction() -> None:
    """A single p-value must be below alpha itself."""
    assert holm_rejected([0.0499], 0.05) == (True,)
    assert holm_rejected([0.05], 0.05) == (False,)


@given(p_values=P_VALUES)
def test_it_lies_between_bonferroni_and_no_correction(p_values: list[float]) -> None:
    """Everything Bonferroni rejects is rejected, and nothing at or above alpha."""
    for p_value, rejected in zip(p_values, holm_rejected(p_values, 0.05), strict=True):
        assert rejected or p_value >= 0.05 / len(p_values)
        assert not rejected or p_value < 0.05
