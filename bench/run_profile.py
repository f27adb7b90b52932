"""The amount of measuring: everything for the published results, or a little during development."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunProfile:
    """How much to measure: `flood_seconds` of one sample at full speed (an integer, for wrk), and `paced_seconds` at a rate.

    `samples` is the number of kindgate's samples, `max_tries` the maximum for another tool, `freezes` the number of server
    freezes, and `runs` the number of runs of each verdict experiment.
    """

    flood_seconds: float
    paced_seconds: float
    samples: int
    max_tries: int
    freezes: int
    runs: int


FULL = RunProfile(flood_seconds=3.0, paced_seconds=5.0, samples=5, max_tries=2, freezes=3, runs=2_000)
SHORT = RunProfile(flood_seconds=2.0, paced_seconds=2.0, samples=1, max_tries=1, freezes=1, runs=100)
