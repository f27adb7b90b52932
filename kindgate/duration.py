"""Durations as people write them: `2`, `2s`, `500ms`, `1m30s`, `1d12h`. One grammar for options, files and k6's formats.

The units are Go's, plus leading days as in k6 (k6 `lib/types/types.go`).
"""

from __future__ import annotations

import math
import re
from typing import Final

EXAMPLES: Final = "2, 2s, 500ms or 1m30s"
MILLISECOND: Final = 1e-3

_SECONDS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_BARE = re.compile(rf"{_NUMBER}(?:[eE][+-]?[0-9]{{1,2}})?")
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)")
_SPAN = re.compile(rf"(?:([0-9]+)d)?((?:{_NUMBER}(?:ns|us|µs|μs|ms|s|m|h))*)")


def duration_seconds(text: str, bare: float = 1.0) -> float | None:
    """Parse a duration into seconds, never negative and always finite; None if `text` is not a duration.

    `bare` is the unit of a number without one, in seconds: 1 in kindgate's own options and files, `MILLISECOND` in k6's.
    """
    if _BARE.fullmatch(text):
        return _finite(float(text) * bare)
    match = _SPAN.fullmatch(text)
    if not text or match is None:
        return None
    days, rest = match.groups()
    return _finite(float(days or 0) * _SECONDS["d"] + sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(rest)))


def signed_seconds(text: str) -> float | None:
    """Like `duration_seconds`, but accepts negative durations: the caller explains better than a grammar why one is too small."""
    seconds = duration_seconds(text.removeprefix("-"))
    return -seconds if seconds and text.startswith("-") else seconds


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
