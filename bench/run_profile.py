"""The amount of measuring: everything for the published results, or a little during development."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Seconds of one sample: `flood` at full speed (an integer, for wrk), and `paced` at a rate.

    `samples` is the number of kindgate's samples, `tries` the maximum for another tool, `frozen` the number of server
    freezes, and `runs` the number of runs of each verdict experiment.
    """

    flood: float
    paced: float
    samples: int
    tries: int
    frozen: int
    runs: int


FULL = Effort(flood=3.0, paced=5.0, samples=5, tries=2, frozen=3, runs=2_000)
SHORT = Effort(flood=2.0, paced=2.0, samples=1, tries=1, frozen=1, runs=100)
