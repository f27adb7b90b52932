"""How much is measured: everything for the record, or a little of it while developing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """`flood` (whole, for wrk) and `paced` are seconds of one sample, `samples` how many of ours are taken.

    Of another tool at most `tries` are taken, of an outage `frozen`; `runs` of each experiment with the verdicts.
    """

    flood: float
    paced: float
    samples: int
    tries: int
    frozen: int
    runs: int


FULL = Effort(flood=3.0, paced=5.0, samples=5, tries=2, frozen=3, runs=2_000)
SHORT = Effort(flood=2.0, paced=2.0, samples=1, tries=1, frozen=1, runs=100)
