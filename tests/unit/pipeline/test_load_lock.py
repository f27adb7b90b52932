"""File locks keep bursts apart, between processes that share only the files."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from kindgate.errors import WaitTimeout
from kindgate.pipeline.load_lock import LoadLock


def hold(kind: str, folder: Path, pipe: Connection) -> None:
    """Take a lock of `kind`, report it, and hold it until a message says to stop."""
    load_lock = LoadLock(folder / "run", folder / "machine")
    with load_lock.exclusive() if kind == "exclusive" else load_lock.shared():
        pipe.send("held")
        pipe.recv()


Held = tuple[str, SpawnProcess, Connection]
"""The kind of lock, the process holding it, and the pipe that stops it."""


@pytest.fixture(name="held", params=["exclusive", "shared"])
def _held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Held]:
    connection: Connection
    connection, child_connection = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(request.param, tmp_path, child_connection))
    process.start()
    assert connection.recv() == "held"
    yield request.param, process, connection
    if process.is_alive():
        connection.send("stop")
    process.join(30)
    process.close()


def test_bursts_and_other_tests_exclude_each_other(held: Held, tmp_path: Path) -> None:
    """An exclusive lock excludes all others; shared locks exclude only exclusive ones."""
    kind, _, _ = held
    load_lock = LoadLock(tmp_path / "run", tmp_path / "machine")

    with pytest.raises(WaitTimeout, match="held by another process"), load_lock.exclusive(0.1):
        pass
    if kind == "shared":
        with load_lock.shared(0.1):
            pass
    else:
        with pytest.raises(WaitTimeout, match="the burst of another test"), load_lock.shared(0.1):
            pass


def test_a_killed_holder_releases_its_lock(held: Held, tmp_path: Path) -> None:
    """The kernel releases the file lock of a killed process."""
    _, process, _ = held
    process.kill()
    process.join(30)

    with LoadLock(tmp_path / "run", tmp_path / "machine").exclusive(5):
        pass


def test_bursts_of_two_runs_never_overlap(held: Held, tmp_path: Path) -> None:
    """Another run's burst blocks this one's through the machine's file, but its tests do not."""
    kind, _, _ = held
    load_lock = LoadLock(tmp_path / "other-run", tmp_path / "machine")

    if kind == "exclusive":
        with pytest.raises(WaitTimeout, match="another run on this machine"), load_lock.exclusive(0.1):
            pass
    else:
        with load_lock.exclusive(0.1):
            pass


def test_a_burst_within_an_episode_does_not_wait_for_it(tmp_path: Path) -> None:
    """The machine is reserved already, and stays so until the outer block is left; so do the other tests of the run."""
    load_lock = LoadLock(tmp_path / "run", tmp_path / "machine")
    other = LoadLock(tmp_path / "run", tmp_path / "machine")
    with load_lock.exclusive(0.1):
        with load_lock.exclusive(0.1), load_lock.shared(0.1):
            pass
        with pytest.raises(WaitTimeout), other.exclusive(0.1):
            pass
    with other.exclusive(0.1), pytest.raises(WaitTimeout), load_lock.exclusive(0.1):
        pass


def test_a_failed_attempt_reserves_nothing(tmp_path: Path) -> None:
    """The next one waits again."""
    load_lock = LoadLock(tmp_path / "run", tmp_path / "machine")
    with LoadLock(tmp_path / "run", tmp_path / "machine").exclusive(0.1):
        for _ in range(2):
            with pytest.raises(WaitTimeout), load_lock.exclusive(0.1):
                pass
