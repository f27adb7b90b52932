"""How much neighboring bursts resemble each other, and how much less they therefore say than independent ones.

Bursts of one run are taken for a first-order autoregressive series: with a correlation of r between neighbors the variance of
an average is (1 + r) / (1 - r) times that of independent bursts (Bayley and Hammersley 1946, J. R. Stat. Soc. Suppl. 8:184-197).
Twenty bursts know their own r only to about 0.2, and a run that underestimates it is the one that decides wrongly. So the
estimate is pulled to what real clusters have shown; `python -m bench.serial` compares this with other rules.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TYPICAL_CORRELATION = 0.4
"""Between neighbors in the shares of requests above p(95), on real clusters: .40 on a quiet machine, .53 on a busy one."""

TYPICAL_WEIGHT = 30
"""The typical correlation counts like an estimate from so many further bursts: about one look."""


def serial_correlation(deviations: NDArray[np.float64]) -> float:
    """The correlation between neighbors, 0 to below 1, of the deviations of bursts from their mean, in order of time.

    The estimate from K bursts is on average too small by 1/K, which is added; it is averaged with the typical one by weight.
    """
    bursts, squares = len(deviations), float(np.square(deviations).sum())
    if not squares:
        return TYPICAL_CORRELATION
    own = float((deviations[1:] * deviations[:-1]).sum()) / squares + 1 / bursts
    return max(0.0, (bursts * own + TYPICAL_WEIGHT * TYPICAL_CORRELATION) / (bursts + TYPICAL_WEIGHT))


def variance_inflation(deviations: NDArray[np.float64]) -> float:
    """How many times larger the variance of an average is than it would be if these bursts were independent; 1 or more."""
    correlation = serial_correlation(deviations)
    return (1 + correlation) / (1 - correlation)
