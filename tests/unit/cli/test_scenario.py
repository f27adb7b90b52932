"""`kindgate scenario undo` on an existing cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kindgate.cli.commands import app
from kindgate.errors import ScenarioError
from kindgate.scenarios.undo_journal import UndoRecord
from tests.unit.deploy.standin import kubeconfig, serving
from tests.unit.scenarios.recording import RecordingProgram, a_record, by_a_dead_process, write_recording_kubectl


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingProgram:
    """A kubectl for a run in an empty folder."""
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return write_recording_kubectl(tmp_path)


@pytest.fixture
def record(kubectl: RecordingProgram, tmp_path: Path) -> Iterator[UndoRecord]:
    """A record, not written yet, of an action in an existing cluster whose server answers."""
    with serving() as server:
        server.put("/version", {"gitVersion": "v1.37.2"})
        file = kubeconfig(tmp_path, server.url)
        yield replace(a_record(kubectl, file.resolve()), existing=True, cluster="test", context="test")


def undo(record: UndoRecord) -> Result:
    """Run the command."""
    kubectl = ["--kind-kubectl-bin", str(record.kubectl)]
    options = [*kubectl, "--kind-existing", str(record.kubeconfig), "--kind-context", "test", "--ingress-url", "http://127.0.0.1:1"]
    return CliRunner().invoke(app, ["scenario", "undo", *options])


def test_what_a_dead_process_left_is_undone(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """Once: a second call finds nothing."""
    by_a_dead_process(record).write()
    first = undo(record)
    assert first.exit_code == 0, first.output
    assert f"{record.what}: undone" in first.stdout
    assert len(kubectl.calls) == len(record.steps)
    assert "nothing to undo" in undo(record).stdout


def test_an_action_in_progress_is_an_error(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """Its process undoes it."""
    record.write()
    result = undo(record)
    assert isinstance(result.exception, ScenarioError)
    assert str(record.process.pid) in result.stdout
    assert kubectl.calls == []
