"""Interrupt a first run repeatedly: each run must stop promptly and leave nothing behind, and the next must resume its work.

    python -m tests.faults.first_run [--times 10] [--every 100]

The runs share an initially empty cache folder; each receives SIGINT `--every` seconds after its start, except for the
last one. A program made by one run must not be made again by a later one. Set KINDGATE_IMAGE_SEED to interrupt a run
that compiles nothing (then `--every 10`). Removes this project's node images from the engine. Exits with 1 if a run
violates any of this.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kindgate.host.container_engine import Engine
from kindgate.waiting import Deadline
from tests.faults.scene import available_engine
from tests.faults.snapshot import MARK, take_snapshot
from tests.faults.suite_run import Stopwatch, SuiteRun

ROOT = Path(__file__).resolve().parents[2]

SUITE = (sys.executable, "-m", "pytest", "-m", "e2e and smoke", "-p", "no:cacheprovider", "-p", "no:xdist")

NODE_IMAGE = "kindgate.local/node"

INTERRUPTED, END_WITHIN, LAST_RUN = 2, 30.0, 3000.0
"""Exit code of an interrupted run, its time limit in seconds after the interrupt, and the time limit of the whole last run."""

BUILT = re.compile(r"(\S+@\S+): (?:compiling|fetching)")


@dataclass(frozen=True)
class Outcome:
    """One run: exit code, seconds since its start and since the interrupt, programs in the cache afterwards, and problems."""

    code: int
    seconds: float
    ended_after: float
    programs: frozenset[str]
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """A line of the table."""
        ended = f"exit {self.code} after {self.seconds:.0f} s ({self.ended_after:.1f} s after SIGINT)"
        return f"{ended}, {len(self.programs)} programs made: {'; '.join(self.problems) or 'as it must be'}"


def programs_in(cache: Path) -> frozenset[str]:
    """The complete programs in a cache folder, as NAME@VERSION."""
    folders = (cache / "binaries").glob("*@*") if (cache / "binaries").exists() else ()
    return frozenset(folder.name.rpartition("-")[0] for folder in folders if not folder.name.startswith("."))


def rebuilt_programs(log: str, before: frozenset[str]) -> tuple[str, ...]:
    """Programs that a run made, according to its log, although they existed."""
    return tuple(sorted({f"{name} was rebuilt" for name in BUILT.findall(log) if name in before}))


class FirstRuns:
    """Runs that share an initially empty cache folder in `folder`."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder, self._engine = folder, engine
        self._cache = folder / "cache"
        self._cache.mkdir(parents=True)
        deadline = Deadline.after(120)
        for image in engine.run("images", "--quiet", "--filter", f"reference={NODE_IMAGE}", deadline=deadline).stdout.split():
            engine.run("rmi", "--force", image, deadline=deadline, check=False)
        self._before = take_snapshot(engine, "first-run", ())

    def interrupt(self, number: int, seconds: float) -> Outcome:
        """Start a run, interrupt it after `seconds`, and check for leftovers."""
        existing, watch, mark = programs_in(self._cache), Stopwatch(), f"first-run-{number}"
        run = self._start(number, mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(seconds)
        run.signal(signal.SIGINT)
        since = Stopwatch()
        code = run.wait(END_WITHIN)
        ended_after = since.seconds
        leftovers = take_snapshot(self._engine, mark, ()).added_since(self._before)
        problems = [f"{kind}: {', '.join(names)}" for kind, names in leftovers.items()]
        problems += [f"exit code {code}"] if code != INTERRUPTED else []
        return Outcome(code, watch.seconds, ended_after, programs_in(self._cache), (*problems, *rebuilt_programs(run.text, existing)))

    def last_run(self) -> Outcome:
        """The final run, without an interrupt."""
        existing, watch = programs_in(self._cache), Stopwatch()
        run = self._start(0, "first-run-last")
        code = run.wait(LAST_RUN)
        problems = [] if code == 0 else [f"exit code {code}: {run.text[-500:]}"]
        return Outcome(code, watch.seconds, 0.0, programs_in(self._cache), (*problems, *rebuilt_programs(run.text, existing)))

    def _start(self, number: int, mark: str) -> SuiteRun:
        artifacts = self._folder / f"run-{number}"
        environment = {**os.environ, "KINDGATE_CACHE_DIR": str(self._cache), MARK: mark, "PYTHONPATH": str(ROOT)}
        command = [*SUITE, "--rootdir", str(ROOT), "--artifacts", str(artifacts)]
        return SuiteRun(command, self._folder, artifacts, environment, cwd=ROOT)


def runs(times: int, every: float, folder: Path) -> Iterator[Outcome]:
    """`times` interrupted runs, and a final one without an interrupt."""
    first_runs = FirstRuns(folder, available_engine())
    for number in range(1, times + 1):
        yield first_runs.interrupt(number, every)
    yield first_runs.last_run()


def main() -> int:
    """Interrupt runs, and report the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="interrupted runs")
    parser.add_argument("--every", type=float, default=100.0, metavar="SECONDS", help="when each run is interrupted")
    options = parser.parse_args()
    folder, failed = Path(tempfile.mkdtemp(prefix="kindgate-first-run-")), 0
    for number, outcome in enumerate(runs(options.times, options.every, folder), start=1):
        name = "the last run" if number > options.times else f"run {number}"
        sys.stdout.write(f"{name}: {outcome}\n")
        sys.stdout.flush()
        failed += bool(outcome.problems)
    if failed:
        sys.stdout.write(f"logs are in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
