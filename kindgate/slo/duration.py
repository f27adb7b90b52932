"""Spans of time as k6 writes them: `10s`, `1m30s`, `1d12h`; a bare number is milliseconds (k6 `lib/types/types.go`)."""

from __future__ import annotations

import re

from kindgate.slo.source import Source

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_BARE = re.compile(_NUMBER)
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)")
_SPAN = re.compile(rf"(?:([0-9]+)d)?((?:{_NUMBER}(?:ns|us|µs|μs|ms|s|m|h))*)")


def parse_duration(source: Source) -> float:
    """The span in seconds; never negative. Raises `SloError` that points at it."""
    text = source.text
    if _BARE.fullmatch(text):
        return float(text) / 1000
    found = _SPAN.fullmatch(text)
    if not text or found is None:
        raise source.error(f"{text!r} is not a duration", next_step="write one such as 10s, 1m30s or 500ms; a bare number is milliseconds")
    days, rest = found.groups()
    return float(days or 0) * _SECONDS["d"] + sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(rest))
