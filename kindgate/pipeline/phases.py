"""The phase table: what the run did, when, and how long each step took."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kindgate.model import Phase

Progress = Callable[[str], object]
"""Takes one line about long work and shows it at once."""


def new_run_id() -> str:
    """Names a run: the time it began, and a few random digits."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{secrets.token_hex(2)}"


class PhaseLog:
    """Collects the phases of one run, in the order in which they ended.

    `progress` is told when a phase begins and when it ends. Phases may overlap: pulling images runs beside creating
    the cluster.
    """

    def __init__(self, progress: Progress, started: float) -> None:
        self._progress = progress
        self._phases: list[Phase] = []
        self.started = started
        self._clock = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run has lasted, whatever the machine's clock was set to meanwhile."""
        return time.monotonic() - self._clock

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases so far, by the time they began."""
        return tuple(sorted(self._phases, key=lambda phase: phase.started))

    def say(self, line: str) -> None:
        """Show how far the phase that runs has come."""
        self._progress(line)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block as phase `name`; a block that raises is a phase that failed."""
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
