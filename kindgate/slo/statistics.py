"""Statistical tests that judge bursts and objectives together.

- Wilcoxon's signed-rank test on log-ratios, with the Hodges-Lehmann estimate and the interval that inverts the test.
- Holm's correction: keeps the chance small that any of several tested objectives fails by luck.
- Kendall's test for drift from burst to burst, which invalidates every interval from a single run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

DRIFT_P = 0.01
"""Kendall's p-value below which drift is reported."""

_LEAST_BURSTS = 6

_EXACT_PAIRS = 50
"""Maximum number of pairs for the exact distribution, as in scipy's wilcoxon; the normal approximation is used above."""


def p_greater(differences: Sequence[float]) -> float:
    """The p-value of the null hypothesis "symmetric about zero or below"; 1 if all are zero or there are none.

    Zeros are split between both sides, so equal arms are evidence of equality.
    """
    from scipy.stats import wilcoxon  # noqa: PLC0415  # importing this package must not import scipy

    if not any(differences):
        return 1.0
    return float(wilcoxon(np.asarray(differences), alternative="greater", zero_method="zsplit").pvalue)


def p_less(differences: Sequence[float]) -> float:
    """The p-value of the null hypothesis "symmetric about zero or above"."""
    return p_greater([-difference for difference in differences])


def hodges_lehmann(differences: Sequence[float]) -> float:
    """The median of all pairwise averages (Walsh averages). Raises `ValueError` if there are no differences."""
    if not differences:
        raise ValueError("no differences")
    return float(np.median(_walsh(differences)))


def shift_interval(differences: Sequence[float], alpha: float) -> tuple[float, float] | None:
    """The shifts that the test rejects on neither side at `alpha`; `None` if there are too few differences to reject any."""
    walsh = np.sort(_walsh(differences))
    cut = _critical(len(differences), alpha)
    return (float(walsh[cut]), float(walsh[-cut - 1])) if cut >= 0 else None


def holm_rejected(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Whether each p-value is rejected, given all of them (Holm 1979, Scand. J. Statist. 6:65-70)."""
    rejected = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] >= alpha / (len(p_values) - rank):
            break
        rejected[index] = True
    return tuple(rejected)


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


def _walsh(differences: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(differences, np.float64)
    rows, columns = np.triu_indices(len(values))
    averages: NDArray[np.float64] = (values[rows] + values[columns]) / 2
    return averages


def _critical(pairs: int, alpha: float) -> int:
    """The largest sum of positive ranks whose cumulative probability is below `alpha`; -1 if there is none."""
    if pairs > _EXACT_PAIRS:
        from scipy.special import ndtri  # noqa: PLC0415  # importing this package must not import scipy

        spread = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
        return math.floor(pairs * (pairs + 1) / 4 + float(ndtri(alpha)) * spread)
    chances = np.ones(1)
    for rank in range(1, pairs + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return int(np.searchsorted(np.cumsum(chances), alpha)) - 1
