"""Wilcoxon's signed-rank test on log-ratios, and the Hodges-Lehmann estimate with the interval that inverts the test."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
