"""Compare an application with itself on a real cluster; fail if it is called slower more often than chance allows.

    python -m bench.false_alarms [--runs 8] [--minutes 45]

At most 5 % of comparisons of equal versions may end as FAIL, so a single FAIL proves nothing. The exit code is 1 if there
are so many FAILs that a true rate of 5 % produces them in less than one night in a thousand, and if no run is conclusive.
All runs share one cluster and its pod placement, so they are less independent than the bound assumes. Results are
written to artifacts/false-alarms.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from scipy.stats import binom

from bench.real_runs import RealRun, RealRuns, write_real_runs
from bench.record import comparisons, progress, recording_settings

ALLOWED = 0.05
"""The accepted share of FAILs among comparisons of equal versions."""

BY_CHANCE = 0.001
"""The accepted share of nights that fail even if the true rate is only `ALLOWED`."""

RESULTS_FILE = Path("artifacts/false-alarms.json")


def max_fails(runs: int) -> int:
    """Return how many of `runs` may FAIL: chance exceeds it in at most `BY_CHANCE` of all nights."""
    return int(binom.isf(BY_CHANCE, runs, ALLOWED)) if runs else 0


def has_too_many_fails(real: RealRuns) -> bool:
    """Return whether there are too many false alarms, or no valid run."""
    return not real.total or real.failed > max_fails(real.total)


def main() -> int:
    """Compare, and print the number of false alarms; return 1 if there are too many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8, help="comparisons")
    parser.add_argument("--minutes", type=float, default=45.0, help="how long to go on, the cluster's creation included")
    options = parser.parse_args()
    runs: list[RealRun] = []
    for recorded in comparisons(recording_settings(os.environ), options.minutes, lambda: len(runs) < options.runs, progress):
        runs.append(recorded.run)
        RESULTS_FILE.parent.mkdir(exist_ok=True)
        write_real_runs(runs, RESULTS_FILE)
        progress(f"{recorded.run}: {recorded.explanation}")
    real = RealRuns(tuple(runs))
    progress(f"{real.summary}; at most {max_fails(real.total)} may FAIL")
    return int(has_too_many_fails(real))


if __name__ == "__main__":
    sys.exit(main())
