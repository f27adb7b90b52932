"""Comparisons of two equal versions on a real cluster, end to end, as they were recorded by `python -m bench.record`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scipy.stats import binomtest

from kindgate.model import Verdict

RUNS_WANTED, FAILS_ALLOWED = 30, 2
"""Of two equal versions: so many runs, and so few of them may say FAIL."""

REAL_RUNS = Path(__file__).with_name("real_runs.json")


@dataclass(frozen=True)
class RealRun:
    """One comparison: its verdict after so many bursts, and the cores that everything but the generators used meanwhile.

    `change` is how much slower the second version seemed (0.1 is 10 %).
    """

    verdict: str
    bursts: int
    change: float | None
    busy: float


@dataclass(frozen=True)
class RealRuns:
    """All runs, oldest first."""

    runs: tuple[RealRun, ...]

    @property
    def total(self) -> int:
        """How many said something about the versions: all but those whose measurement was INVALID."""
        return sum(run.verdict != Verdict.INVALID.value for run in self.runs)

    @property
    def failed(self) -> int:
        """How many said FAIL, which is wrong: the versions are equal."""
        return sum(run.verdict == Verdict.FAIL.value for run in self.runs)

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
        counts = Counter(run.verdict for run in self.runs)
        others = ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict if verdict is not Verdict.FAIL)
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
