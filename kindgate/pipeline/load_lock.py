"""File locks for load on the machine: one burst at a time, and never alongside another test of the same run.

The locks are advisory: the kernel releases one when its holder dies, so a killed worker blocks nothing, and the same
lock works between the workers of a run and between runs (flock(2)).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kindgate.cluster.run_folder import run_folder
from kindgate.host.paths import state_dir
from kindgate.waiting import Deadline, Pending, Ready, wait_for

LOCK_SECONDS = 1800.0
"""Longer than the longest series of bursts of another holder."""


class LoadLock:
    """Read-write locks on two files: `run_file` between the tests of a run, `machine_file` between all bursts on the machine.

    An object that reserves the machine does not wait for itself: a burst can be sent within an episode. It belongs to the
    tests of one process, which run one after the other.
    """

    def __init__(self, run_file: Path, machine_file: Path) -> None:
        self._run_file = run_file
        self._machine_file = machine_file
        self._exclusive = False

    @contextmanager
    def shared(self, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Keep bursts of this run out while the block runs; other tests of the run can share it.

        Raises `WaitTimeout` if a burst holds the lock for longer than `seconds`.
        """
        if self._exclusive:
            yield
            return
        with _locked(self._run_file, fcntl.LOCK_SH, "the burst of another test to end", Deadline.after(seconds)):
            yield

    @contextmanager
    def exclusive(self, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Reserve the machine for the block: no other burst on it, and no other test of this run.

        Within another such block of this object, it is already reserved. Raises `WaitTimeout` if others hold a lock for longer
        than `seconds`.
        """
        if self._exclusive:
            yield
            return
        deadline = Deadline.after(seconds)
        with (
            _locked(self._run_file, fcntl.LOCK_EX, "the other tests of this run to pause for a burst", deadline),
            _locked(self._machine_file, fcntl.LOCK_EX, "a burst of another run on this machine to end", deadline),
        ):
            self._exclusive = True
            try:
                yield
            finally:
                self._exclusive = False


@contextmanager
def _locked(path: Path, operation: int, awaited: str, deadline: Deadline) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def attempt() -> Ready[None] | Pending:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return Pending(f"{path} is held by another process")
        return Ready(None)

    try:
        wait_for(awaited, attempt, deadline, interval=0.05)
        yield
    finally:
        os.close(descriptor)


def load_lock_of_run(run_id: str) -> LoadLock:
    """The locks of run `run_id`, in the state directory that all runs of this user share."""
    return LoadLock(run_folder(run_id) / "load.lock", state_dir() / "locks" / "machine.lock")
