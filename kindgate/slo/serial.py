"""Serial correlation of neighboring bursts, and how much it inflates variances relative to independent bursts.

The bursts of a run are modeled as a first-order autoregressive series: with a correlation of r between neighbors the variance
of an average is (1 + r) / (1 - r) times that of independent bursts (Bayley and Hammersley 1946, J. R. Stat. Soc. Suppl. 8:184-197).
Twenty bursts determine their own r only to about 0.2, and a run that underestimates it is the one that decides wrongly, so
the estimate is shrunk toward the value seen on real clusters; `python -m bench.serial` compares this with other rules.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TYPICAL_CORRELATION = 0.4
"""Correlation between neighbors of the shares of requests above p(95), on real clusters: .40 on a quiet machine, .53 on a busy one."""

TYPICAL_WEIGHT = 30
"""The typical correlation has the weight of an estimate from this many bursts: about one look."""


def serial_correlation(deviations: NDArray[np.float64]) -> float:
    """The correlation (0 to below 1) between neighboring deviations of bursts from their mean, in chronological order.

    The estimate from K bursts is too small by 1/K on average, which is added; it is then averaged with the typical one by weight.
    """
    bursts, squares = len(deviations), float(np.square(deviations).sum())
    if not squares:
        return TYPICAL_CORRELATION
    own = float((deviations[1:] * deviations[:-1]).sum()) / squares + 1 / bursts
    return max(0.0, (bursts * own + TYPICAL_WEIGHT * TYPICAL_CORRELATION) / (bursts + TYPICAL_WEIGHT))


def variance_inflation(deviations: NDArray[np.float64]) -> float:
    """Factor by which the variance of an average exceeds that of independent bursts; 1 or more."""
    correlation = serial_correlation(deviations)
    return (1 + correlation) / (1 - correlation)
