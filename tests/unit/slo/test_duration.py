"""Durations as k6 writes them."""

from __future__ import annotations

import pytest

from kindgate.errors import SloError
from kindgate.slo.duration import parse_duration
from kindgate.slo.source import Source


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1d12h", 129_600),
        ("2d", 172_800),
        ("1.5h", 5400),
        ("250us", 250e-6),
        ("2000", 2),
        ("0", 0),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """Units add up, and a bare number is milliseconds."""
    assert parse_duration(Source(text)) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "10 s", "-10s", "10q", "1h2d", "ten"])
def test_anything_else_is_refused(text: str) -> None:
    """A text that is no duration is an error, a negative one too."""
    with pytest.raises(SloError, match="is not a duration"):
        parse_duration(Source(text))
