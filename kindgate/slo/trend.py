"""Whether values rise or fall from burst to burst: such drift breaks every interval that a single run can give."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

DRIFT_P = 0.01
"""Kendall's p-value below which a drift is mentioned."""

_LEAST_BURSTS = 6


def drift(values: Sequence[float | None]) -> tuple[float, float] | None:
    """The averages of the first and the last third of the bursts, when Kendall's tau sees a trend; `None` without one.

    Bursts without a value are left out.
    """
    known = [value for value in values if value is not None]
    if len(known) < _LEAST_BURSTS or len(set(known)) < 2:
        return None
    from scipy.stats import kendalltau  # noqa: PLC0415  # importing the room must not import scipy

    if float(kendalltau(range(len(known)), known).pvalue) >= DRIFT_P:
        return None
    third = len(known) // 3
    return fmean(known[:third]), fmean(known[-third:])
