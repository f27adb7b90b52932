"""One episode from end to end: journal, load, action, recovery, undo, and the proof that everything is as it was."""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from kindgate.errors import KindgateError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress
from kindgate.process import ProcessName
from kindgate.progress import Progress
from kindgate.scenarios.action import Action
from kindgate.scenarios.observation import Observation, ReadyPods
from kindgate.scenarios.undo import undone_afterward
from kindgate.scenarios.undo_journal import UndoRecord
from kindgate.slo.episode import Episode, ReplicaCount
from kindgate.waiting import Deadline

ACTION_SECONDS = 180.0
"""Time limit of an action, as for the application's readiness."""

RESTORE_SECONDS = 180.0


@dataclass(frozen=True)
class Scene:
    """The cluster of an episode, with the kubectl and the engine that undo the action; no engine on an existing cluster."""

    address: ClusterAddress
    kubectl: Path
    engine: Engine | None = None


class Load(Protocol):
    """The load of one episode (`kindgate.scenarios.episode_load.EpisodeLoad`)."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool | None: ...

    def begin(self) -> None:
        """Mark the beginning of the action."""

    def end(self) -> None:
        """Mark its end."""

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the load."""

    def note(self, source: str, text: str, at: float | None = None) -> None:
        """Add an event to the timeline, at `at` seconds or now."""

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
        """The result, once the block has ended."""


def run_action(
    action: Action, load: Load, scene: Scene, *, seconds: float = ACTION_SECONDS, progress: Progress = lambda _: None
) -> Episode:
    """Do `action` under `load`, undo it when the load has ended, and return the episode.

    An action that fails is part of the episode (`error`), and so is one that could not be undone (`undone`). Raises
    `KindgateError` before anything is changed if the action cannot be done or the load not be sent.
    """
    record = _record(action, scene)
    with undone_afterward(record) as undo, Observation(scene.address, action.workloads) as observed:
        progress(f"sending load before the {record.what}")
        with load:
            origin = time.monotonic() - load.elapsed
            load.begin()
            progress(record.what)
            error = _error_of(action, load, Deadline.after(seconds))
            load.end()
            progress(f"{error or 'done'}: waiting for the steady state")
        progress("undoing it")
    for event in observed.events:
        if event.at >= origin:
            load.note("kubernetes", event.text, event.at - origin)
    undone = undo.error or _what_differs(action)
    return load.episode(
        scenario=action.scenario,
        action=action.name,
        targets=action.targets,
        error=error,
        undone=undone,
        replicas=since(origin, observed.ready_pods),
    )


def _error_of(action: Action, load: Load, deadline: Deadline) -> str:
    """Run the action, and return why it failed; empty if it has not."""
    try:
        action.run(functools.partial(load.note, "action"), deadline)
    except KindgateError as error:
        return str(error)
    return ""


def since(origin: float, counts: Sequence[ReadyPods]) -> list[ReplicaCount]:
    """The counts by time in the episode; of those before it, the last of each workload, at 0."""
    before = {item.workload: ReplicaCount(0.0, item.workload, item.ready) for item in counts if item.at <= origin}
    return [*before.values(), *(ReplicaCount(item.at - origin, item.workload, item.ready) for item in counts if item.at > origin)]


def _what_differs(action: Action) -> str:
    """What is not as it was before the action, in spite of its undo."""
    try:
        return "\n".join(action.restored(Deadline.after(RESTORE_SECONDS)))
    except KindgateError as error:
        return str(error)


def _record(action: Action, scene: Scene) -> UndoRecord:
    """The record of the action's undo, not written yet; raises `KindgateError` if the action cannot be done."""
    return UndoRecord(
        episode=uuid.uuid4().hex,
        what=f"{action.name} of {', '.join(action.targets)}",
        cluster=scene.address.name,
        existing=scene.address.existing,
        kubectl=scene.kubectl,
        kubeconfig=scene.address.kubeconfig,
        context=scene.address.context,
        process=ProcessName.current(),
        steps=action.undo(),
        engine=scene.engine,
    )
