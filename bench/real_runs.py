"""Comparisons of two equal versions on a real cluster, end to end, as they were recorded by `python -m bench.record`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from scipy.stats import binomtest

from kindgate.model import Verdict

RUNS_WANTED, FAILS_ALLOWED = 30, 2
"""Of two equal versions: so many runs, and so few of them may say FAIL."""

REAL_RUNS = Path(__file__).with_name("real_runs.json")


@dataclass(frozen=True)
class RealRun:
    """One comparison: its verdict after so many bursts, and the cores that everything but the generators used meanwhile.

    `change` is how much slower the second version seemed (0.1 is 10 %). `foreign` cores were kept busy by other programs,
    on purpose, and `others` is what all programs that are not the run's used in fact, in cores. Runs on one `cluster`
    share its placement, and so are less than independent; it is empty where it was not recorded.
    """

    verdict: str
    bursts: int
    change: float | None
    busy: float
    foreign: float = 0.0
    cluster: str = ""
    others: float | None = None


@dataclass(frozen=True)
class RealRuns:
    """All runs, oldest first."""

    runs: tuple[RealRun, ...]

    def at(self, foreign: float) -> RealRuns:
        """Those with so many cores kept busy."""
        return RealRuns(tuple(run for run in self.runs if run.foreign == foreign))

    @property
    def levels(self) -> tuple[float, ...]:
        """The numbers of cores that were kept busy in any of them."""
        return tuple(sorted({run.foreign for run in self.runs}))

    @property
    def clusters(self) -> str:
        """On how many clusters they were made."""
        known = {run.cluster for run in self.runs if run.cluster}
        return str(len(known)) if all(run.cluster for run in self.runs) else f"{len(known) or ''} and unrecorded".removeprefix(" and ")

    @property
    def others(self) -> float | None:
        """The cores that programs outside of the run used in fact, in the median run; `None` where that was not measured."""
        known = [run.others for run in self.runs if run.others is not None]
        return median(known) if known else None

    def count(self, verdict: Verdict) -> int:
        """How many ended so."""
        return sum(run.verdict == verdict.value for run in self.runs)

    @property
    def total(self) -> int:
        """How many said something about the versions: all but those whose measurement was INVALID."""
        return len(self.runs) - self.count(Verdict.INVALID)

    @property
    def failed(self) -> int:
        """How many said FAIL, which is wrong: the versions are equal."""
        return self.count(Verdict.FAIL)

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval for the share of FAILs (Clopper and Pearson)."""
        if not self.total:
            return 0.0, 1.0
        found = binomtest(self.failed, self.total).proportion_ci(0.95, "exact")
        return float(found.low), float(found.high)

    @property
    def summary(self) -> str:
        """In one line."""
        others = ", ".join(f"{self.count(verdict)} {verdict}" for verdict in Verdict if verdict is not Verdict.FAIL)
        low, high = self.interval
        return f"{self.failed} FAIL of {self.total} (95 % interval {low:.1%} to {high:.1%}), {others}"


def read_real_runs(path: Path = REAL_RUNS) -> RealRuns | None:
    """The runs in a file; None without one."""
    if not path.exists():
        return None
    return RealRuns(tuple(RealRun(**run) for run in json.loads(path.read_text(encoding="utf-8"))))


def write_real_runs(runs: Sequence[RealRun], path: Path = REAL_RUNS) -> None:
    """Keep them, one a line."""
    path.write_text("[\n" + ",\n".join(json.dumps(asdict(run)) for run in runs) + "\n]\n", encoding="utf-8")
