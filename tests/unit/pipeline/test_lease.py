"""Leases keep bursts apart, between threads of control that share nothing but the files."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from kindgate.errors import WaitTimeout
from kindgate.pipeline.lease import Lease


def hold(kind: str, folder: Path, pipe: Connection) -> None:
    """Take a lease of `kind`, say so, and keep it until told to stop."""
    lease = Lease(folder / "run", folder / "machine")
    with lease.exclusive() if kind == "exclusive" else lease.shared():
        pipe.send("held")
        pipe.recv()


Held = tuple[str, SpawnProcess, Connection]
"""The kind of lease, the process that holds it, and the pipe that tells it to stop."""


@pytest.fixture(name="held", params=["exclusive", "shared"])
def _held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Held]:
    here: Connection
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(request.param, tmp_path, there))
    process.start()
    assert here.recv() == "held"
    yield request.param, process, here
    if process.is_alive():
        here.send("stop")
    process.join(30)
    process.close()


def test_a_burst_waits_for_everybody_and_everybody_for_a_burst(held: Held, tmp_path: Path) -> None:
    """Exclusive excludes all; shared leaves room for shared only."""
    kind, _, _ = held
    lease = Lease(tmp_path / "run", tmp_path / "machine")

    with pytest.raises(WaitTimeout, match="held by another process"), lease.exclusive(0.1):
        pass
    if kind == "shared":
        with lease.shared(0.1):
            pass
    else:
        with pytest.raises(WaitTimeout, match="the burst of another test"), lease.shared(0.1):
            pass


def test_a_killed_holder_gives_its_lease_back(held: Held, tmp_path: Path) -> None:
    """The kernel releases the lock of a process that was killed."""
    _, process, _ = held
    process.kill()
    process.join(30)

    with Lease(tmp_path / "run", tmp_path / "machine").exclusive(5):
        pass


def test_bursts_of_two_runs_share_one_machine(held: Held, tmp_path: Path) -> None:
    """Another run's burst blocks ours by the machine's file; its tests do not."""
    kind, _, _ = held
    lease = Lease(tmp_path / "other-run", tmp_path / "machine")

    if kind == "exclusive":
        with pytest.raises(WaitTimeout, match="another run on this machine"), lease.exclusive(0.1):
            pass
    else:
        with lease.exclusive(0.1):
            pass
