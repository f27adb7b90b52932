"""`make mutants`: change the code one line at a time, and find the changes that no test detects.

    python -m tests.mutants [--minutes 60] [--package PACKAGE ...] [--sample 400] [--seed 1] [--score]

All mutants of `slo` are judged, which takes about a day on two cores, but only a sample of the other packages'. Each
call resumes where the last one stopped; `--score` shows the results so far. Exits with 1 if fewer than 95 % of the
judged mutants were killed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from kindgate.host.paths import cache_dir
from tests.mutants.session import Score, Session

ROOT = Path(__file__).resolve().parents[2]

WHOLE = "slo"
"""The package whose mutants are all judged, because it decides verdicts."""

SAMPLED = tuple(
    "cli cluster deploy github host images load observe pipeline plugin redaction report scaffold security".split()  # noqa: SIM905 - as a table
)

GOAL = 0.95


def say(text: str) -> None:
    """Print one line, unbuffered."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Judge mutants for a limited time, and show the score."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to judge [60]")
    parser.add_argument("--package", action="append", choices=(WHOLE, *SAMPLED), help="packages to judge [all]; repeatable")
    parser.add_argument("--sample", type=int, default=400, help="mutants of all packages but slo together [400]")
    parser.add_argument("--seed", type=int, default=1, help="what the sample is drawn by [1]")
    parser.add_argument("--score", action="store_true", help="judge nothing, show the score")
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    folder = cache_dir() / "mutants" / f"{commit[:12]}-{options.sample}-{options.seed}"
    tree = folder / "tree"
    if not (tree / ".git").exists():
        subprocess.run(["git", "clone", "--quiet", ROOT, tree], check=True)
    each = -(-options.sample // len(SAMPLED))
    ended = time.monotonic() + options.minutes * 60
    scores: dict[str, Score] = {}
    for package in options.package or (*SAMPLED, WHOLE):
        session = Session(package, tree, folder)
        session.prepare(0 if package == WHOLE else each, options.seed)
        left = (ended - time.monotonic()) / 60
        if left > 0 and not options.score and session.score().judged < session.score().mutants:
            say(f"{package}: {session.score().judged} of {session.score().mutants} mutants judged; {left:.0f} min left")
            session.run(left)
        scores[package] = session.score()
    return show(scores)


def show(scores: dict[str, Score]) -> int:
    """Print the table and the survivors; return 1 if too many survive."""
    say(f"{'package':12} {'mutants':>8} {'judged':>8} {'killed':>8} {'share':>7}")
    for package, score in scores.items():
        say(f"{package:12} {score.mutants:8} {score.judged:8} {score.killed:8} {score.share:7.1%}")
    for score in scores.values():
        for survivor in score.survivors:
            say(f"survived: {survivor.place} {survivor.change}")
    judged = sum(score.judged for score in scores.values())
    killed = sum(score.killed for score in scores.values())
    say(f"{killed} of {judged} judged mutants killed" + (f" ({killed / judged:.1%}, goal {GOAL:.0%})" if judged else ""))
    return 1 if judged and killed / judged < GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
