"""Export to the HdrHistogram interchange format (V2), which other load tools and viewers read."""

from __future__ import annotations

from typing import Final

from hdrh.histogram import HdrHistogram

from kindgate.histogram import Histogram

_HIGHEST: Final = 3_600_000_000
"""An hour in microseconds: longer than any timeout."""

_DIGITS: Final = 3


def hdr_text(histogram: Histogram) -> str:
    """The samples, in microseconds with three significant digits, as base64 of the compressed V2 encoding."""
    exported = HdrHistogram(1, _HIGHEST, _DIGITS)
    for value, count in zip(histogram.values.tolist(), histogram.counts.tolist(), strict=True):
        exported.record_value(min(value, _HIGHEST), count)
    return str(exported.encode().decode("ascii"))
