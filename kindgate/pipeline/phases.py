"""A run's identity and progress: its ID, its command, and its phases with start and duration."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kindgate.model import Phase
from kindgate.progress import Progress


def new_run_id() -> str:
    """A new run ID: the start time, the process ID and random digits."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{secrets.token_hex(2)}"


class PhaseLog:
    """Collects the phases of one run.

    `progress` is called when a phase begins and when it ends. Phases can overlap: images are pulled while the cluster is
    created.
    """

    def __init__(self, progress: Progress, started: float) -> None:
        self._progress = progress
        self._phases: list[Phase] = []
        self.started = started
        self._clock = time.monotonic()

    @property
    def seconds(self) -> float:
        """Duration of the run so far, unaffected by changes of the machine's clock."""
        return time.monotonic() - self._clock

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases so far, by start time."""
        return tuple(sorted(self._phases, key=lambda phase: phase.started))

    def report(self, line: str) -> None:
        """Show the progress of the current phase."""
        self._progress(line)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block as phase `name`; if it raises, the phase has failed."""
        started, clock = time.time(), time.monotonic()
        ok = False
        self._progress(f"{name} ...")
        try:
            yield
            ok = True
        finally:
            self.add(Phase(name, started, time.monotonic() - clock, ok))

    def add(self, phase: Phase) -> None:
        """Record a phase that was timed elsewhere."""
        self._phases.append(phase)
        outcome = "" if phase.ok else " (failed)"
        note = f": {phase.note}" if phase.note else ""
        self._progress(f"{phase.name}{outcome}: {phase.seconds:.1f} s{note}")


def rerun_command() -> str:
    """A command that repeats the run elsewhere: the program by name, not by its path on this machine."""
    program = Path(sys.argv[0])
    name = "pytest" if "pytest" in {program.parent.name, program.name} or program.stem == "py.test" else program.name
    return shlex.join([name, *sys.argv[1:]])
