"""Numbers in sentences."""

from __future__ import annotations

import pytest

from kindgate.slo.numbers import figure, milliseconds, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (4.567, "4.57"),
        (12.0, "12"),
        (99.95, "100"),
        (142.4, "142"),
        (1234.5, "1,230"),
        (-0.5, "-0.5"),
        (1e6, "1,000,000"),
    ],
)
def test_three_figures_are_shown(value: float, text: str) -> None:
    """Three significant figures, no exponent, no trailing zeros, thousands apart."""
    assert figure(value) == text


def test_units() -> None:
    """Times are milliseconds and shares are per cent."""
    assert milliseconds(1.5) == "1.5 ms"
    assert percent(0.0125) == "1.25 %"
    assert figure(float("inf")) == "inf"
