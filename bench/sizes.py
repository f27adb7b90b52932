"""The size of a histogram on disk, and whether merging is lossless."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kindgate.histogram import Histogram

WORKERS = 8
SAMPLES = 1_000_000


@dataclass(frozen=True)
class Sizes:
    """Size in bytes: `measured` for `samples` real response times, `million` for a million from a lognormal distribution.

    The distribution has an ingress's median (1.25 ms) and a long tail (sigma 1).
    """

    samples: int
    measured: int
    million: int
    merge_is_exact: bool


def histogram_sizes(real: Histogram) -> Sizes:
    """Measure the size of a real histogram and of one with a million samples, and merge eight workers' parts."""
    drawn = np.rint(np.random.default_rng(1).lognormal(np.log(1250), 1.0, SAMPLES)).astype(np.int64)
    complete = Histogram.of(drawn)
    merged = Histogram.merged(Histogram.from_text(Histogram.of(part).to_text()) for part in np.split(drawn, WORKERS))
    exact = merged.values.tobytes() == complete.values.tobytes() and merged.counts.tobytes() == complete.counts.tobytes()
    return Sizes(real.count, len(real.to_text()), len(complete.to_text()), exact)
