"""Figures have the same format everywhere, and no failure is rounded away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.figures import figure, milliseconds, percent
from kindgate.report import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (4.567, "4.57"),
        (12.0, "12"),
        (99.95, "100"),
        (142.4, "142"),
        (1234.4, "1,234"),
        (-0.5, "-0.5"),
        (1e6, "1,000,000"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    """Figures have no exponent or trailing zeros, a thousands separator, and all digits of a whole number."""
    assert figure(value) == text


def test_times_and_shares_have_units() -> None:
    """Times are in milliseconds and shares in percent."""
    assert milliseconds(1.5) == "1.5 ms"
    assert percent(0.0125) == "1.25 %"
    assert figure(float("inf")) == "inf"


@pytest.mark.parametrize(
    ("share", "text"),
    [(1, "100 %"), (0.9996, "99.96 %"), (0.99999, "99.999 %"), (0.9999999, "99.999 %"), (0.98996, "99 %"), (1.5, "150 %"), (0, "0 %")],
)
def test_a_share_below_100_percent_is_never_rounded_up_to_it(share: float, text: str) -> None:
    """99.96 % of requests are not all of them."""
    assert percent(share) == text


@given(st.integers(1, 20_000_000), st.data())
def test_no_failure_is_rounded_away(total: int, data: st.DataObject) -> None:
    """Neither one failure among all requests nor one success left is rounded away."""
    part = data.draw(st.integers(0, total))

    assert (percent(part / total) == "100 %") == (part == total)
    assert (percent(part / total) == "0 %") == (part == 0)


@given(st.floats(0, 1e9))
def test_tables_and_sentences_use_the_same_format(value: float) -> None:
    """The report formats the table, and the judge the sentence."""
    assert units.number(value) == figure(value)
    assert units.quantity(value, "ms") == milliseconds(value)
    assert units.quantity(value, "share") == percent(value)
