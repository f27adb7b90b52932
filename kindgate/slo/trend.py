"""Drift of values from burst to burst, which invalidates every interval from a single run."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

DRIFT_P = 0.01
"""Kendall's p-value below which drift is reported."""

_LEAST_BURSTS = 6


def drift(values: Sequence[float | None]) -> tuple[float, float] | None:
    """The averages of the first and the last third of the bursts if Kendall's tau finds a trend, otherwise `None`.

    Bursts without a value are ignored.
    """
    known = [value for value in values if value is not None]
    if len(known) < _LEAST_BURSTS or len(set(known)) < 2:
        return None
    from scipy.stats import kendalltau  # noqa: PLC0415  # importing this package must not import scipy

    if float(kendalltau(range(len(known)), known).pvalue) >= DRIFT_P:
        return None
    third = len(known) // 3
    return fmean(known[:third]), fmean(known[-third:])
