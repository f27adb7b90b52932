"""Number formatting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.report.units import NONE, change, number, percent, plural, quantity, short_span, span


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NONE),
        (0.0, "0"),
        (0.000123456, "0.000123"),
        (0.05, "0.05"),
        (1.0, "1"),
        (2.345, "2.35"),
        (12.34, "12.3"),
        (123.4, "123"),
        (1234567.0, "1,234,567"),
        (-2.5, "-2.5"),
        (1e18, "1e+18"),
    ],
)
def test_numbers_have_three_significant_digits(value: float | None, text: str) -> None:
    """Three significant digits, no false precision, no exponent."""
    assert number(value) == text


@given(st.floats(-1e18, 1e18))
def test_every_figure_can_be_formatted(value: float) -> None:
    """The text parses back to about the same number, down to a billionth."""
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.006, abs=1e-9)


@pytest.mark.parametrize(("share", "text"), [(1.0, "100 %"), (0.999996, "99.999 %"), (0.9933, "99.33 %"), (0.031, "3.1 %"), (0.0, "0 %")])
def test_a_share_below_100_percent_is_never_rounded_up_to_it(share: float, text: str) -> None:
    """One failure in 250,000 requests still shows as a failure."""
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0 s"), (9.25, "9.2 s"), (59.94, "59.9 s"), (60.0, "1 min 0 s"), (3725.0, "1 h 2 min")]
)
def test_durations_are_formatted_in_everyday_units(seconds: float, text: str) -> None:
    """Seconds have a decimal; minutes and hours do not."""
    assert span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0 ms"), (0.0124, "12.4 ms"), (0.0999, "99.9 ms"), (0.1, "0.1 s"), (75, "1 min 15 s")])
def test_a_short_duration_is_in_milliseconds(seconds: float, text: str) -> None:
    """An outage of a few requests is not 0 s."""
    assert short_span(seconds) == text


def test_a_rate_has_no_space_before_its_unit() -> None:
    """`800/s`, but `142 ms`."""
    assert (quantity(800.0, "/s"), quantity(142.0, "ms")) == ("800/s", "142 ms")


def test_units_signs_and_plurals() -> None:
    """A figure has its unit, a change its sign, a noun its number."""
    assert quantity(12.34, "ms") == "12.3 ms"
    assert quantity(3.0, "") == "3"
    assert quantity(None, "ms") == NONE
    assert change(-0.125) == "-12.5 %"
    assert (plural(1, "test"), plural(1200, "test")) == ("1 test", "1,200 tests")
