"""Undoing an action, also after the death of the process that did it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.cluster.owner_container import state_path
from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress
from kindgate.scenarios.undo import Leftover, perform, undo_leftovers, undo_node_faults, undone_afterward
from kindgate.scenarios.undo_journal import UndoRecord
from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.unit.scenarios.recording import RESUME, RecordingProgram, by_a_dead_process, write_recording_engine

CHECKOUT = Path(__file__).parents[3]
REFUSED = "The connection to the server 127.0.0.1:6443 was refused"

RUN = """
import pathlib, signal, sys
from dataclasses import replace
from kindgate.process import ProcessName
from kindgate.scenarios.undo import undone_afterward
from kindgate.scenarios.undo_journal import UndoRecord
record = replace(UndoRecord.from_json(sys.stdin.read()), process=ProcessName.current())
with undone_afterward(record):
    print("began", flush=True)
    signal.pause()
"""


def address(record: UndoRecord) -> ClusterAddress:
    """The address of the record's cluster."""
    return ClusterAddress(record.cluster, record.kubeconfig, record.context, "")


def expected_calls(record: UndoRecord) -> list[tuple[list[str], str]]:
    """The calls of kubectl that undo the record's action."""
    cluster = ["--kubeconfig", str(record.kubeconfig), "--context", record.context]
    return [([*step.arguments, *cluster], step.stdin) for step in record.steps]


@contextmanager
def running_action(record: UndoRecord) -> Iterator[subprocess.Popen[str]]:
    """Another process that has begun the action of `record`."""
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(record.to_json())
            process.stdin.close()
            assert process.stdout.readline() == "began\n"
            yield process
        finally:
            process.kill()


def wait_until_removed(record: UndoRecord) -> None:
    """Wait until the record is removed, which is the last step of an undo."""
    wait_for("the undo", lambda: Pending("there") if record.path.exists() else Ready(None), Deadline.after(60), interval=0.05)


def test_all_steps_are_done_in_order(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """Each with its input, on the record's cluster; afterwards the record is gone."""
    record.write()
    perform(record, Deadline.after(60))
    assert kubectl.calls == expected_calls(record)
    assert not record.path.exists()


def test_a_step_is_repeated_until_the_server_answers(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """The fault may be that the API server restarts."""
    kubectl.fail(REFUSED)
    record.write()
    perform(record, Deadline.after(60))
    first, second = expected_calls(record)
    assert kubectl.calls == [first, first, second]


@pytest.mark.parametrize(
    "message",
    [
        'Error from server (NotFound): deployments.apps "web" not found',
        "The request is invalid: the server rejected our request due to an error in our request",
    ],
    ids=["deleted", "changed-by-someone-else"],
)
def test_a_step_whose_object_is_gone_or_changed_is_done(kubectl: RecordingProgram, record: UndoRecord, message: str) -> None:
    """There is nothing left that this action did."""
    kubectl.fail(message)
    record.write()
    perform(record, Deadline.after(60))
    assert kubectl.calls == expected_calls(record)


def test_an_undo_that_fails_keeps_its_record(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """So that someone else can finish it; the error says how."""
    kubectl.fail(*[REFUSED] * 50)
    record.write()
    with pytest.raises(ScenarioError, match="kindgate scenario undo") as failure:
        perform(record, Deadline.after(0))
    assert REFUSED in str(failure.value)
    assert record.path.exists()


def test_nothing_is_done_to_a_cluster_that_was_deleted(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """Another cluster of this name could exist by now."""
    record.write()
    shutil.rmtree(state_path(record.cluster))
    perform(record, Deadline.after(60))
    assert kubectl.calls == []
    assert not record.path.exists()


def test_the_record_exists_before_the_block_and_is_undone_after_it(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """The action runs in the block."""
    with undone_afterward(record) as undo:
        assert record.path.exists()
        assert kubectl.calls == []
    assert kubectl.calls == expected_calls(record)
    assert undo.error == ""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_block_is_undone_too(kubectl: RecordingProgram, record: UndoRecord, error: type[BaseException]) -> None:
    """And raised."""
    with pytest.raises(error), undone_afterward(record):
        raise error
    assert kubectl.calls == expected_calls(record)


def test_after_a_failed_undo_the_undo_process_tries_on(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """The error is reported, and the record is gone once the cluster answers again."""
    kubectl.fail(*[REFUSED] * 3)
    with undone_afterward(record, seconds=0) as undo:
        pass
    assert REFUSED in undo.error
    wait_until_removed(record)
    assert kubectl.calls[-2:] == expected_calls(record)


def test_the_action_of_a_killed_process_is_undone(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """SIGKILL leaves no time for anything: the undo process does it."""
    with running_action(record) as process:
        assert kubectl.calls == []
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        wait_until_removed(record)
    assert kubectl.calls == expected_calls(record)


def test_what_a_dead_process_left_is_undone_once(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """By the next run on the cluster, if the undo process was killed too."""
    by_a_dead_process(record).write()
    assert undo_leftovers(address(record), record.kubectl) == (Leftover(record.what),)
    assert undo_leftovers(address(record), record.kubectl) == ()
    assert kubectl.calls == expected_calls(record)


def test_the_action_of_a_living_process_is_not_touched(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """An operator is told about it."""
    record.write()
    assert undo_leftovers(address(record), record.kubectl) == ()
    (leftover,) = undo_leftovers(address(record), record.kubectl, by_hand=True)
    assert str(record.process.pid) in leftover.error
    assert kubectl.calls == []


def test_an_action_before_a_restart_of_the_machine_is_undone_by_hand(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """Whether its process lives cannot be known: it might be one of another container."""
    replace(record, process=replace(record.process, boot_id="another")).write()
    (leftover,) = undo_leftovers(address(record), record.kubectl)
    assert leftover.error
    assert kubectl.calls == []
    assert undo_leftovers(address(record), record.kubectl, by_hand=True) == (Leftover(record.what),)
    assert kubectl.calls == expected_calls(record)


def test_leftovers_of_another_cluster_stay(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """They are undone by the next run there."""
    by_a_dead_process(record).write()
    assert undo_leftovers(replace(address(record), name="other"), record.kubectl) == ()
    assert kubectl.calls == []


def test_a_leftover_is_undone_with_the_tools_of_this_run(kubectl: RecordingProgram, record: UndoRecord) -> None:
    """Those of the run that left it may have been removed from the cache."""
    replace(by_a_dead_process(record), kubectl=Path("/gone/kubectl"), kubeconfig=Path("/gone/kubeconfig")).write()
    assert undo_leftovers(address(record), record.kubectl) == (Leftover(record.what),)
    assert kubectl.calls == expected_calls(record)


@pytest.fixture
def engine(tmp_path: Path) -> RecordingProgram:
    """The command of the engine in `record_of_node_fault`."""
    return write_recording_engine(tmp_path)[1]


@pytest.fixture
def record_of_node_fault(record: UndoRecord, engine: RecordingProgram) -> UndoRecord:
    """A record of an action that paused a node and cordoned it."""
    return replace(record, engine=Engine("docker", engine.program, "27.0"), steps=(RESUME, record.steps[1]))


def test_a_step_of_the_engine_is_done_in_its_place(
    kubectl: RecordingProgram, engine: RecordingProgram, record_of_node_fault: UndoRecord
) -> None:
    """With the arguments alone: the engine's command knows nothing of kubeconfigs."""
    record_of_node_fault.write()
    perform(record_of_node_fault, Deadline.after(60))
    assert engine.calls == [(["unpause", "shop-worker"], "")]
    assert kubectl.calls == expected_calls(record_of_node_fault)[1:]
    assert not record_of_node_fault.path.exists()


@pytest.mark.parametrize(
    "message",
    [
        "Error response from daemon: No such container: shop-worker",
        'Error: no container with name or ID "shop-worker" found: no such container',
        "Error response from daemon: Container 0123 is not paused",
        "Error response from daemon: container 0123 is not running",
    ],
    ids=["docker-gone", "podman-gone", "runs-already", "stopped"],
)
def test_nothing_is_left_to_undo_on_a_node_that_is_gone_or_runs(
    kubectl: RecordingProgram, engine: RecordingProgram, record_of_node_fault: UndoRecord, message: str
) -> None:
    """The other steps are done, and the record is removed."""
    engine.fail(message)
    record_of_node_fault.write()
    perform(record_of_node_fault, Deadline.after(60))
    assert (len(engine.calls), len(kubectl.calls)) == (1, 1)
    assert not record_of_node_fault.path.exists()


def test_a_step_is_repeated_until_the_engine_answers(engine: RecordingProgram, record_of_node_fault: UndoRecord) -> None:
    """Its daemon may be restarting."""
    engine.fail("Cannot connect to the Docker daemon")
    record_of_node_fault.write()
    perform(record_of_node_fault, Deadline.after(60))
    assert len(engine.calls) == 2


def test_the_node_fault_of_a_killed_process_is_undone(
    kubectl: RecordingProgram, engine: RecordingProgram, record_of_node_fault: UndoRecord
) -> None:
    """By the undo process, which reads the engine from the record."""
    with running_action(record_of_node_fault) as process:
        assert engine.calls == []
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        wait_until_removed(record_of_node_fault)
    assert (len(engine.calls), len(kubectl.calls)) == (1, 1)


def test_a_leftover_of_nodes_is_undone_with_the_engine_of_this_run(engine: RecordingProgram, record_of_node_fault: UndoRecord) -> None:
    """The one of the record may have been updated or removed."""
    found = record_of_node_fault.engine
    assert found is not None
    replace(by_a_dead_process(record_of_node_fault), engine=replace(found, command=Path("/gone/docker"))).write()
    assert undo_leftovers(address(record_of_node_fault), record_of_node_fault.kubectl, found) == (Leftover(record_of_node_fault.what),)
    assert len(engine.calls) == 1


def test_nodes_are_started_before_their_cluster_is_looked_up(
    kubectl: RecordingProgram, engine: RecordingProgram, record_of_node_fault: UndoRecord
) -> None:
    """The record stays, because its other steps need the cluster's address; a living process keeps its fault."""
    found = record_of_node_fault.engine
    assert found is not None
    record_of_node_fault.write()
    undo_node_faults(record_of_node_fault.cluster, found)
    assert engine.calls == []
    by_a_dead_process(record_of_node_fault).write()
    undo_node_faults("another", found)
    assert engine.calls == []
    undo_node_faults(record_of_node_fault.cluster, found)
    assert len(engine.calls) == 1
    assert kubectl.calls == []
    assert record_of_node_fault.path.exists()
