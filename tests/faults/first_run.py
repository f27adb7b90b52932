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
from tests.faults.scene import the_engine
from tests.faults.snapshot import MARK, take_snapshot
from tests.faults.suite_run import Stopwatch, SuiteRun

ROOT = Path(__file__).resolve().parents[2]

SUITE = (sys.executable, "-m", "pytest", "-m", "e2e and smoke", "-p", "no:cacheprovider", "-p", "no:xdist")

NODE_IMAGE = "kindgate.local/node"

INTERRUPTED, END_WITHIN, LAST_RUN = 2, 30.0, 3000.0
"""Exit code of an interrupted run, its time limit in seconds after the interrupt, and the time limit of the whole last run."""

MADE = re.compile(r"(\S+@\S+): (?:compiling|fetching)")


@dataclass(frozen=True)
class Seen:
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


def made_again(log: str, before: frozenset[str]) -> tuple[str, ...]:
    """Programs that a run made, according to its log, although they existed."""
    return tuple(sorted({f"{name} was made again" for name in MADE.findall(log) if name in before}))


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

    def interrupted(self, number: int, seconds: float) -> Seen:
        """Start a run, interrupt it after `seconds`, and check for leftovers."""
        had, watch, mark = programs_in(self._cache), Stopwatch(), f"first-run-{number}"
        started = self._start(number, mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.process.wait(seconds)
        started.signal(signal.SIGINT)
        since = Stopwatch()
        code = started.wait(END_WITHIN)
        ended_after = since.seconds
        left = take_snapshot(self._engine, mark, ()).more_than(self._before)
        problems = [f"{kind}: {', '.join(names)}" for kind, names in left.items()]
        problems += [f"exit code {code}"] if code != INTERRUPTED else []
        return Seen(code, watch.seconds, ended_after, programs_in(self._cache), (*problems, *made_again(started.text, had)))

    def last(self) -> Seen:
        """The final run, without an interrupt."""
        had, watch = programs_in(self._cache), Stopwatch()
        started = self._start(0, "first-run-last")
        code = started.wait(LAST_RUN)
        problems = [] if code == 0 else [f"exit code {code}: {started.text[-500:]}"]
        return Seen(code, watch.seconds, 0.0, programs_in(self._cache), (*problems, *made_again(started.text, had)))

    def _start(self, number: int, mark: str) -> SuiteRun:
        artifacts = self._folder / f"run-{number}"
        environment = {**os.environ, "KINDGATE_CACHE_DIR": str(self._cache), MARK: mark, "PYTHONPATH": str(ROOT)}
        command = [*SUITE, "--rootdir", str(ROOT), "--artifacts", str(artifacts)]
        return SuiteRun(command, self._folder, artifacts, environment, cwd=ROOT)


def runs(times: int, every: float, folder: Path) -> Iterator[Seen]:
    """`times` interrupted runs, and a final one without an interrupt."""
    first = FirstRuns(folder, the_engine())
    for number in range(1, times + 1):
        yield first.interrupted(number, every)
    yield first.last()


def main() -> int:
    """Interrupt runs, and report the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="interrupted runs")
    parser.add_argument("--every", type=float, default=100.0, metavar="SECONDS", help="when each run is interrupted")
    options = parser.parse_args()
    folder, failed = Path(tempfile.mkdtemp(prefix="kindgate-first-run-")), 0
    for number, seen in enumerate(runs(options.times, options.every, folder), start=1):
        name = "the last run" if number > options.times else f"run {number}"
        sys.stdout.write(f"{name}: {seen}\n")
        sys.stdout.flush()
        failed += bool(seen.problems)
    if failed:
        sys.stdout.write(f"logs are in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
