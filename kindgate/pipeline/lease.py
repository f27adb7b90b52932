"""Who may put load on the machine: one burst at a time, and never beside another test of the same run.

The leases are advisory file locks: the kernel gives one back when its holder dies, so a killed worker blocks nobody,
and the same lock holds between the workers of a run and between runs (flock(2)).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kindgate.cluster.run_folder import run_folder
from kindgate.host.directories import state_dir
from kindgate.waiting import Deadline, Pending, Ready, wait_for

LEASE_SECONDS = 1800.0
"""Longer than the longest series of bursts that another holder may be in."""


class Lease:
    """Read-write locks on two files: `run_file` among the tests of a run, `machine_file` among all bursts on the machine."""

    def __init__(self, run_file: Path, machine_file: Path) -> None:
        self._run_file = run_file
        self._machine_file = machine_file

    @contextmanager
    def shared(self, seconds: float = LEASE_SECONDS) -> Iterator[None]:
        """Hold off bursts of this run while the block runs; other tests of the run may share it.

        Raises `WaitTimeout` when a burst holds the machine for longer than `seconds`.
        """
        with _locked(self._run_file, fcntl.LOCK_SH, "the burst of another test to end", Deadline.after(seconds)):
            yield

    @contextmanager
    def exclusive(self, seconds: float = LEASE_SECONDS) -> Iterator[None]:
        """Keep the machine to the block: no other burst on it, and no other test of this run.

        Raises `WaitTimeout` when others hold it for longer than `seconds`.
        """
        deadline = Deadline.after(seconds)
        with (
            _locked(self._run_file, fcntl.LOCK_EX, "the other tests of this run to pause for a burst", deadline),
            _locked(self._machine_file, fcntl.LOCK_EX, "a burst of another run on this machine to end", deadline),
        ):
            yield


@contextmanager
def _locked(path: Path, operation: int, what: str, deadline: Deadline) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def attempt() -> Ready[None] | Pending:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return Pending(f"{path} is held by another process")
        return Ready(None)

    try:
        wait_for(what, attempt, deadline, interval=0.05)
        yield
    finally:
        os.close(descriptor)


def lease_of_run(run_id: str) -> Lease:
    """The lease of run `run_id`, in the user's state directory, where all runs of this user meet."""
    return Lease(run_folder(run_id) / "lease.lock", state_dir() / "leases" / "machine.lock")
