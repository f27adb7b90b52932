"""Runs resampled from a recording as blocks of neighboring bursts, because neighbors are correlated.

The stationary bootstrap of Politis and Romano (1994), J. Am. Stat. Assoc. 89:1303-1313: blocks of geometric length begin
anywhere in the recording, whose last burst is followed by its first. Results are conditional on the recording: they show
how a rule performs on these bursts, not on machines that were not recorded.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MEAN_BLOCK = 30.0
"""Mean number of bursts in a block: as many as a full comparison has."""

CONTIGUOUS = math.inf
"""The mean block that makes every run one unbroken stretch of the recording."""

ONE_BY_ONE = 1.0
"""The mean block that draws every burst independently, as if bursts were uncorrelated."""


def stationary(rng: np.random.Generator, recorded: int, bursts: int, mean_block: float = MEAN_BLOCK) -> NDArray[np.int64]:
    """Draw positions, from 0, for one run of `bursts` bursts in order of time, from a recording of `recorded` bursts.

    Each burst begins a new block with probability 1 / `mean_block`; otherwise it is the next recorded one. Raises
    `ValueError` for an empty recording, and for blocks of less than one burst.
    """
    if recorded < 1 or mean_block < 1:
        raise ValueError(f"blocks of {mean_block:g} bursts cannot be drawn from {recorded} bursts")
    place = np.arange(bursts)
    starts = rng.integers(0, recorded, bursts)
    begins = rng.random(bursts) < 1 / mean_block
    begin = np.maximum.accumulate(np.where(begins, place, 0))
    drawn: NDArray[np.int64] = (starts[begin] + place - begin) % recorded
    return drawn
