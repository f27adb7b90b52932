"""Full comparisons of two equal versions on a real cluster, as recorded by `python -m bench.record`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from scipy.stats import binomtest

from kindgate.model import Verdict

RUNS_WANTED, FAILS_ALLOWED = 30, 2
"""The number of runs needed with equal versions, and how many of them may FAIL."""

REAL_RUNS = Path(__file__).with_name("real_runs.json")


@dataclass(frozen=True)
class RealRun:
    """One comparison: its verdict, its number of bursts, and the cores used by everything but the generators (`busy`).

    `change` is the measured slowdown of the second version (0.1 is 10 %). `foreign` is how many cores other programs kept
    busy on purpose, and `others` what all programs outside the run really used, in cores. Runs on one `cluster` share its
    placement, so they are not fully independent; it is empty if not recorded.
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
        """Return the runs with this number of busy cores."""
        return RealRuns(tuple(run for run in self.runs if run.foreign == foreign))

    @property
    def levels(self) -> tuple[float, ...]:
        """The numbers of busy cores that occur."""
        return tuple(sorted({run.foreign for run in self.runs}))

    @property
    def clusters(self) -> str:
        """The number of clusters used."""
        known = {run.cluster for run in self.runs if run.cluster}
        return str(len(known)) if all(run.cluster for run in self.runs) else f"{len(known) or ''} and unrecorded".removeprefix(" and ")

    @property
    def others(self) -> float | None:
        """The cores that programs outside the run really used, in the median run; `None` if not measured."""
        known = [run.others for run in self.runs if run.others is not None]
        return median(known) if known else None

    def count(self, verdict: Verdict) -> int:
        """Return the number of runs with this verdict."""
        return sum(run.verdict == verdict.value for run in self.runs)

    @property
    def total(self) -> int:
        """The number of valid runs: all except INVALID ones."""
        return len(self.runs) - self.count(Verdict.INVALID)

    @property
    def failed(self) -> int:
        """The number of FAILs, all of them wrong: the versions are equal."""
        return self.count(Verdict.FAIL)

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval for the share of FAILs (Clopper and Pearson)."""
        if not self.total:
            return 0.0, 1.0
        interval = binomtest(self.failed, self.total).proportion_ci(0.95, "exact")
        return float(interval.low), float(interval.high)

    @property
    def summary(self) -> str:
        """A one-line summary."""
        others = ", ".join(f"{self.count(verdict)} {verdict}" for verdict in Verdict if verdict is not Verdict.FAIL)
        low, high = self.interval
        return f"{self.failed} FAIL of {self.total} (95 % interval {low:.1%} to {high:.1%}), {others}"


def read_real_runs(path: Path = REAL_RUNS) -> RealRuns | None:
    """Read the runs from a file; None if it does not exist."""
    if not path.exists():
        return None
    return RealRuns(tuple(RealRun(**run) for run in json.loads(path.read_text(encoding="utf-8"))))


def write_real_runs(runs: Sequence[RealRun], path: Path = REAL_RUNS) -> None:
    """Write the runs, one per line."""
    path.write_text("[\n" + ",\n".join(json.dumps(asdict(run)) for run in runs) + "\n]\n", encoding="utf-8")
