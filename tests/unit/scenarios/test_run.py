"""One episode from end to end, with a real kubectl program and API server, and a load that records what happens to it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from kindgate.errors import LoadError, ScenarioError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.observation import ReadyPods
from kindgate.scenarios.run import Scene, run_action, since
from kindgate.scenarios.undo_journal import UndoRecord, open_records
from kindgate.slo.episode import Episode, Marks, ReplicaCount
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import live_deployment
from tests.unit.deploy.standin import kubeconfig, serving
from tests.unit.scenarios.recording import STEPS, RecordingProgram

WEB = ObjectRef("Deployment", "shop", "web")


@dataclass
class RecordedLoad:
    """A load that only records; `refusal` is why it does not start."""

    log: list[str]
    refusal: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)
    start: float = 0.0

    def __enter__(self) -> Self:
        if self.refusal:
            raise LoadError(self.refusal)
        self.start = time.monotonic()
        self.log.append("load")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.log.append("load ends")

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    def begin(self) -> None:
        """Record it."""
        self.log.append("begin")

    def end(self) -> None:
        """Record it."""
        self.log.append("end")

    def note(self, source: str, text: str, at: float | None = None) -> None:
        """Keep the note."""
        del at
        self.notes.append((source, text))

    def episode(
        self,
        *,
        scenario: str,
        action: str,
        targets: Iterable[str],
        error: str = "",
        undone: str = "",
        replicas: Iterable[ReplicaCount] = (),
    ) -> Episode:
        """An episode without requests."""
        marks = Marks(0, 1, None, 2)
        return Episode(
            scenario, action, tuple(targets), 0.0, marks, (), (), (), 0.0, None, error=error, undone=undone, replicas=tuple(replicas)
        )


@dataclass
class RecordedAction:
    """An action that records, and raises what it is told to raise."""

    log: list[str]
    error: BaseException | None = None
    left: tuple[str, ...] = ()
    scenario: str = "rollout"
    name: str = "restart"
    targets: tuple[str, ...] = (str(WEB),)
    workloads: tuple[ObjectRef, ...] = (WEB,)

    def undo(self) -> tuple[UndoStep, ...]:
        """Two steps."""
        return STEPS

    def run(self, note: Note, deadline: Deadline) -> None:
        """Record how many records there are, and raise the error."""
        del deadline
        self.log.append(f"run with {len(list(open_records()))} record")
        note("ran")
        if self.error is not None:
            raise self.error

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Record how many records there are."""
        del deadline
        self.log.append(f"restored with {len(list(open_records()))} records")
        return self.left


@pytest.fixture
def scene(record: UndoRecord, tmp_path: Path) -> Iterator[Scene]:
    """A cluster with the workload."""
    with serving() as server:
        server.put("/apis/apps/v1/namespaces/shop/deployments/web", live_deployment(2))
        address = ClusterAddress(record.cluster, kubeconfig(tmp_path, server.url), "test", "")
        yield Scene(address, record.kubectl)


def run(scene: Scene, action: RecordedAction, load: RecordedLoad | None = None) -> Episode:
    """The episode of the action."""
    return run_action(action, load if load is not None else RecordedLoad(action.log), scene)


def test_everything_happens_in_order(scene: Scene, kubectl: RecordingProgram) -> None:
    """The record is there while the action runs, and gone when the result of the undo is checked."""
    log: list[str] = []
    load = RecordedLoad(log)
    episode = run(scene, RecordedAction(log), load)
    assert log == ["load", "begin", "run with 1 record", "end", "load ends", "restored with 0 records"]
    assert [arguments[:2] for arguments, _ in kubectl.calls] == [list(step.arguments) for step in STEPS]
    assert (episode.scenario, episode.action, episode.targets, episode.error, episode.undone) == ("rollout", "restart", (str(WEB),), "", "")
    assert load.notes == [("action", "ran")]


def test_an_action_that_fails_is_part_of_the_episode(scene: Scene, kubectl: RecordingProgram) -> None:
    """The load is measured to its end, and the action undone."""
    action = RecordedAction([], ScenarioError("the image was never pulled"))
    assert run(scene, action).error == "the image was never pulled"
    assert action.log[-3:] == ["end", "load ends", "restored with 0 records"]
    assert len(kubectl.calls) == len(STEPS)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()], ids=["interrupt", "defect"])
def test_an_interrupted_action_is_undone(scene: Scene, kubectl: RecordingProgram, error: BaseException) -> None:
    """And the load ends."""
    action = RecordedAction([], error)
    with pytest.raises(type(error)):
        run(scene, action)
    assert action.log[-1] == "load ends"
    assert len(kubectl.calls) == len(STEPS)
    assert list(open_records()) == []


def test_a_load_that_does_not_start_leaves_no_record(scene: Scene) -> None:
    """Nothing was done."""
    action = RecordedAction([])
    with pytest.raises(LoadError, match="no descriptors"):
        run(scene, action, RecordedLoad(action.log, "no descriptors"))
    assert action.log == []
    assert list(open_records()) == []


def test_what_still_differs_after_the_undo_is_part_of_the_episode(scene: Scene) -> None:
    """A test must not pass on a cluster that the next one finds changed."""
    assert run(scene, RecordedAction([], left=("first", "second"))).undone == "first\nsecond"


def test_counts_from_before_the_load_become_its_first() -> None:
    """The timeline begins with the number at its beginning, whenever that was seen."""
    counts = [ReadyPods(1.0, "a", 0), ReadyPods(2.0, "a", 2), ReadyPods(2.0, "b", 1), ReadyPods(12.5, "a", 3)]
    assert since(10.0, counts) == [ReplicaCount(0.0, "a", 2), ReplicaCount(0.0, "b", 1), ReplicaCount(2.5, "a", 3)]
