"""One grammar of durations for all options and files."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.duration import MILLISECOND, duration_seconds, signed_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1m30s", 90),
        ("1m0s", 60),
        ("500ms", 0.5),
        ("1d12h", 129_600),
        ("2d", 172_800),
        ("1.5h", 5400),
        ("250us", 250e-6),
        ("250µs", 250e-6),
        ("1000000ns", 1e-3),
        ("2", 2),
        ("2.5", 2.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("0", 0),
    ],
)
def test_a_duration_is_parsed_into_seconds(text: str, seconds: float) -> None:
    """Units add up, and the caller decides the unit of a bare number."""
    assert duration_seconds(text) == pytest.approx(seconds)
    if not text[-1].isalpha():
        assert duration_seconds(text, MILLISECOND) == pytest.approx(seconds / 1000)


@pytest.mark.parametrize("text", ["", "s", "10 s", " 10s", "-10s", "-1", "10q", "1h2d", "ten", "inf", "nan", "1_000", "1e999", "٣", "True"])
def test_an_invalid_duration_yields_none(text: str) -> None:
    """A text that is not a duration, or is negative or infinite, gives None."""
    assert duration_seconds(text) is None


def test_a_negative_duration_is_accepted_if_signed() -> None:
    """The error then states the bound instead of a syntax error."""
    assert (signed_seconds("-1m"), signed_seconds("-2"), signed_seconds("2"), signed_seconds("-0")) == (-60, -2, 2, 0)
    assert signed_seconds("--2") is None


@given(st.integers(0, 10**6), st.sampled_from(["d", "h", "m", "s", "ms", "us", "ns"]))
def test_integer_durations_are_exact(count: int, unit: str) -> None:
    """A multiple of a unit equals the unit's length times the number."""
    unit_seconds = duration_seconds(f"1{unit}")

    assert unit_seconds is not None
    assert duration_seconds(f"{count}{unit}") == pytest.approx(count * unit_seconds)


@given(st.text())
def test_any_text_yields_a_finite_duration_or_none(text: str) -> None:
    """Any text gives a finite, non-negative duration or None."""
    seconds = duration_seconds(text)

    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)
