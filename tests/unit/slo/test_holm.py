"""Holm's correction."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kindgate.slo.holm import holm_rejected

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def test_it_steps_down() -> None:
    """The smallest p-value is held against alpha over all, the next against alpha over the rest, until one is too large."""
    assert holm_rejected([0.04, 0.01, 0.03, 0.005], 0.05) == (False, True, False, True)


def test_a_single_objective_needs_no_correction() -> None:
    """One p-value is held against alpha itself, which it has to be below."""
    assert holm_rejected([0.0499], 0.05) == (True,)
    assert holm_rejected([0.05], 0.05) == (False,)


@given(p_values=P_VALUES)
def test_it_lies_between_bonferroni_and_no_correction(p_values: list[float]) -> None:
    """Whatever Bonferroni rejects is rejected, and nothing that is not below alpha."""
    for p_value, rejected in zip(p_values, holm_rejected(p_values, 0.05), strict=True):
        assert rejected or p_value >= 0.05 / len(p_values)
        assert not rejected or p_value < 0.05
