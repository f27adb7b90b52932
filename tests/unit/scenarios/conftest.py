"""A cluster of kindgate whose kubectl records what it is asked, and servers on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.cluster.owner_container import state_path
from kindgate.scenarios.undo_journal import UndoRecord
from tests.unit.load.conftest import Handler, Serve, Server
from tests.unit.scenarios.recording import RecordingProgram, a_record, write_recording_kubectl


@pytest.fixture
def kubectl(tmp_path: Path) -> RecordingProgram:
    """The program."""
    return write_recording_kubectl(tmp_path)


@pytest.fixture
def record(kubectl: RecordingProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UndoRecord:
    """A record, not written yet, of an action of this process."""
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))
    state_path("shop").mkdir(parents=True)
    return a_record(kubectl, tmp_path / "kubeconfig")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers and close them after the test."""
    with contextlib.ExitStack() as stack:

        def start(handler: Handler) -> str:
            server = Server(handler)
            stack.callback(server.close)
            return server.url

        yield start
