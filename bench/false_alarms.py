"""Compares an application with itself on a real cluster, and fails when it is called slower more often than chance allows.

    python -m bench.false_alarms [--runs 8] [--minutes 45]

At most 5 % of comparisons of equal versions may end as FAIL, so that one FAIL says nothing. The exit code is 1 when so many
FAIL that fewer than one night in a thousand would have as many at 5 %, and when no run said anything. The runs share a
cluster, and so a bad placement: they depend on each other more than the bound supposes. Figures go to
artifacts/false-alarms.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from scipy.stats import binom

from bench.real_runs import RealRun, RealRuns, write_real_runs
from bench.record import comparisons, recording_settings, say

ALLOWED = 0.05
"""The share of comparisons of equal versions that may end as FAIL."""

BY_CHANCE = 0.001
"""The share of nights that may fail although no more than `ALLOWED` of all comparisons do."""

FOUND = Path("artifacts/false-alarms.json")


def most_fails(runs: int) -> int:
    """How many of so many runs may FAIL: more are seen by chance in at most `BY_CHANCE` of all nights."""
    return int(binom.isf(BY_CHANCE, runs, ALLOWED)) if runs else 0


def too_many(real: RealRuns) -> bool:
    """Whether the runs show more false alarms than are allowed, or nothing at all."""
    return not real.total or real.failed > most_fails(real.total)


def main() -> int:
    """Compare, and say how often it was called slower."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8, help="comparisons")
    parser.add_argument("--minutes", type=float, default=45.0, help="how long to go on, the cluster's creation included")
    options = parser.parse_args()
    runs: list[RealRun] = []
    for made in comparisons(recording_settings(os.environ), options.minutes, lambda: len(runs) < options.runs, say):
        runs.append(made.run)
        FOUND.parent.mkdir(exist_ok=True)
        write_real_runs(runs, FOUND)
        say(f"{made.run}: {made.explanation}")
    found = RealRuns(tuple(runs))
    say(f"{found.summary}; at most {most_fails(found.total)} may FAIL")
    return int(too_many(found))


if __name__ == "__main__":
    sys.exit(main())
