"""One package's mutants in a cosmic-ray session, kept in a file: results survive an interruption."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

SECONDS = 120.0
"""Time limit for a mutant's tests; exceeding it means an endless loop, and counts as killed."""

_CONFIGURATION = """[cosmic-ray]
module-path = ["kindgate/{package}"]
timeout = {seconds}
excluded-modules = []
test-command = "{python} -m pytest tests/unit/{package} -x -q -p no:cacheprovider -p no:xdist"
[cosmic-ray.distributor]
name = "local"
"""

_ORDER = "module_path, start_pos_row, start_pos_col, operator_name, occurrence, operator_args"


@dataclass(frozen=True)
class Survivor:
    """A change that no test detected: its location and its operator."""

    place: str
    change: str


@dataclass(frozen=True)
class Score:
    """The number of mutants, and how many of them were judged and killed."""

    mutants: int
    judged: int
    killed: int
    survivors: tuple[Survivor, ...]

    @property
    def share(self) -> float:
        """The share of judged mutants that were killed; 1 if none was judged."""
        return self.killed / self.judged if self.judged else 1.0


@dataclass(frozen=True)
class Session:
    """The mutants of `package` in the checkout `tree`, whose files are changed in place, so nothing else may use it."""

    package: str
    tree: Path
    folder: Path

    @property
    def file(self) -> Path:
        """The session's database."""
        return self.folder / f"{self.package}.sqlite"

    def prepare(self, sample: int, seed: int) -> None:
        """Find the mutants, unless already done; keep `sample` of them, drawn by `seed`, or all if it is 0."""
        if self.file.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / f"{self.package}.toml"
        configuration.write_text(_CONFIGURATION.format(package=self.package, seconds=SECONDS, python=sys.executable))
        fresh = self.file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        subprocess.run([_cosmic_ray(), "init", configuration, fresh], cwd=self.tree, check=True)
        if sample:
            keep_sample(fresh, sample, seed)
        fresh.rename(self.file)

    def run(self, minutes: float) -> None:
        """Judge the remaining mutants, for `minutes` at most."""
        ended = time.monotonic() + minutes * 60
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=self.tree, check=True)
        judging = subprocess.Popen([_cosmic_ray(), "exec", self.folder / f"{self.package}.toml", self.file], cwd=self.tree)
        try:
            judging.wait(max(1.0, ended - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            judging.terminate()
            judging.wait()
            # it may be stopped in the middle of a change
            subprocess.run(["git", "checkout", "--quiet", "."], cwd=self.tree, check=True)

    def score(self) -> Score:
        """The results so far."""
        return read_score(self.file)


def keep_sample(file: Path, sample: int, seed: int) -> None:
    """Drop all but `sample` mutants of a session; the choice depends on the code and `seed`, not on their random IDs."""
    with closing(sqlite3.connect(file)) as database, database:
        jobs = [row[0] for row in database.execute(f"select job_id from mutation_specs order by {_ORDER}")]
        kept = set(random.Random(seed).sample(jobs, min(sample, len(jobs))))
        dropped = [(job,) for job in jobs if job not in kept]
        database.executemany("delete from mutation_specs where job_id = ?", dropped)
        database.executemany("delete from work_items where job_id = ?", dropped)


def read_score(file: Path) -> Score:
    """The score in a session's database; a mutant that cannot be imported counts as killed."""
    with closing(sqlite3.connect(file)) as database:
        (mutants,) = database.execute("select count(*) from mutation_specs").fetchone()
        rows: Sequence[tuple[str, str, str, int, str]] = database.execute(
            "select r.worker_outcome, r.test_outcome, s.module_path, s.start_pos_row, s.operator_name || ' ' || s.occurrence "
            "from work_results r join mutation_specs s on r.job_id = s.job_id order by s.module_path, s.start_pos_row"
        ).fetchall()
    judged = [row for row in rows if row[0] != "SKIPPED"]
    alive = tuple(Survivor(f"{row[2]}:{row[3]}", row[4].removeprefix("core/")) for row in judged if row[1] == "SURVIVED")
    return Score(mutants, len(judged), len(judged) - len(alive), alive)


def _cosmic_ray() -> Path:
    return Path(sys.executable).with_name("cosmic-ray")
