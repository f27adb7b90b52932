"""The journal of undos."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.cluster.owner_container import state_path
from kindgate.model import ClusterAddress
from kindgate.process import ProcessName
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.undo_journal import UndoRecord, open_records, read_record
from tests.unit.scenarios.recording import RESUME, write_recording_engine

TEXT = st.text(max_size=20)


@given(st.builds(UndoStep, st.tuples(TEXT, TEXT), TEXT), TEXT, TEXT, st.booleans())
def test_a_record_can_be_read_back(step: UndoStep, what: str, cluster: str, existing: bool) -> None:  # noqa: FBT001  # from hypothesis
    """Whatever it contains."""
    process = ProcessName(1, "2", "3", "4")
    record = UndoRecord("1", what, cluster, existing, Path("/k"), Path("/c"), "context", process, (step, step))
    assert UndoRecord.from_json(record.to_json()) == record


def test_a_written_record_is_private(record: UndoRecord) -> None:
    """A pod template can contain passwords."""
    record.write()
    assert read_record(record.path) == record
    assert stat.S_IMODE(record.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.path.parent.stat().st_mode) == 0o700


def test_open_records_are_those_not_removed(record: UndoRecord) -> None:
    """Removal is idempotent."""
    other = replace(record, episode="43")
    record.write()
    other.write()
    record.remove()
    record.remove()
    assert list(open_records()) == [other]


def test_there_are_no_records_before_the_first(record: UndoRecord) -> None:
    """Also without the folder."""
    assert list(open_records()) == []
    assert not record.path.parent.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"steps": []}', '{"steps": 1}'])
def test_a_file_that_is_no_record_is_left_alone(record: UndoRecord, content: str) -> None:
    """It may be of another version."""
    record.write()
    broken = record.path.with_name("broken.json")
    broken.write_text(content)
    assert list(open_records()) == [record]
    assert broken.exists()


def test_the_record_of_a_deleted_cluster_is_removed(record: UndoRecord) -> None:
    """There is nothing left that could be undone; of an existing cluster, nobody here knows that."""
    existing = replace(record, episode="43", existing=True)
    record.write()
    existing.write()
    shutil.rmtree(state_path("shop"))
    assert list(open_records()) == [existing]
    assert not record.path.exists()


def test_a_record_belongs_to_its_cluster(record: UndoRecord) -> None:
    """A created cluster is known by its name, an existing one by its kubeconfig and context."""
    created = ClusterAddress("shop", Path("/other"), "kind-shop", "")
    existing = ClusterAddress("shop", record.kubeconfig, "kind-shop", "", existing=True)
    assert record.belongs_to(created)
    assert not record.belongs_to(existing)
    assert not record.belongs_to(replace(created, name="other"))
    of_existing = replace(record, existing=True)
    assert of_existing.belongs_to(existing)
    assert not of_existing.belongs_to(replace(existing, context="other"))
    assert not of_existing.belongs_to(replace(existing, kubeconfig=Path("/other")))


def test_a_record_of_a_node_fault_can_be_read_back(record: UndoRecord, tmp_path: Path) -> None:
    """With everything that calling the engine needs."""
    engine, _ = write_recording_engine(tmp_path)
    of_nodes = replace(record, engine=engine, steps=(RESUME, *record.steps))
    assert UndoRecord.from_json(of_nodes.to_json()) == of_nodes
    assert of_nodes.changes_nodes
    assert not record.changes_nodes


def test_nodes_of_an_existing_cluster_have_no_record(record: UndoRecord, tmp_path: Path) -> None:
    """Whatever a user allows: no file makes kindgate change a container that it did not create."""
    engine, _ = write_recording_engine(tmp_path)
    with pytest.raises(ValueError, match="only nodes that kindgate created"):
        replace(record, engine=engine, steps=(RESUME,), existing=True)
    with pytest.raises(ValueError, match="only nodes that kindgate created"):
        replace(record, steps=(RESUME,))
    forged = replace(record, engine=engine, steps=(RESUME,)).to_json().replace('"existing": false', '"existing": true')
    record.write()
    record.path.write_text(forged)
    assert read_record(record.path) is None
