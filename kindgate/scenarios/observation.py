"""What the cluster reports during an episode: the ready pods of the workloads over time, and Kubernetes events as they arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from kindgate.cluster.api_client import connect
from kindgate.deploy.informer import Informer
from kindgate.deploy.snapshot import Snapshot
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import involved_object, is_true
from kindgate.scenarios.live_pods import collections_of
from kindgate.waiting import Deadline

MOST_EVENTS = 200
"""Events of one episode: a crash loop reports more than anyone reads."""

LONGEST_MESSAGE = 160

_CHECK_SECONDS = 1.0
_LIST_SECONDS = 30.0

_NORMAL_REASONS = frozenset({"Killing", "ScalingReplicaSet", "Started", "SuccessfulRescale"})
"""Events that are not warnings, but belong on a timeline."""


@dataclass(frozen=True)
class ReadyPods:
    """From `at` (seconds of `time.monotonic`) on, `workload` has `ready` pods."""

    at: float
    workload: str
    ready: int


@dataclass(frozen=True)
class Seen:
    """An event of Kubernetes that was seen first at `at` (seconds of `time.monotonic`)."""

    at: float
    text: str


class Observation:
    """Watches the workloads' namespaces as a context manager.

    `ready_pods` are the changes in order of time, the first of each workload being its number at the beginning; `events` are
    those that occurred meanwhile. A cluster whose API cannot be read gives an empty timeline, never an error: the load decides the verdict.
    """

    def __init__(self, address: ClusterAddress, workloads: Sequence[ObjectRef]) -> None:
        self.ready_pods: list[ReadyPods] = []
        self.events: list[Seen] = []
        self._address = address
        self._workloads = tuple(workloads)
        self._stack = ExitStack()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        api = self._stack.enter_context(connect(self._address))
        informer = self._stack.enter_context(Informer(api, self._collections(), Deadline.after(_LIST_SECONDS)))
        self._thread = threading.Thread(target=self._watch, args=(informer,), name="observe the episode", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(2 * _CHECK_SECONDS)
        self._stack.close()

    def _collections(self) -> list[tuple[str, str]]:
        events = [("Event", f"/api/v1/namespaces/{name}/events") for name in sorted({ref.namespace for ref in self._workloads})]
        return events + collections_of(self._workloads)

    def _watch(self, informer: Informer) -> None:
        counts: dict[str, int] = {}
        seen: set[tuple[str, int]] | None = None
        while not self._stopped.is_set():
            informer.wait(_CHECK_SECONDS)
            if not informer.all_listed:
                continue
            now, snapshot = time.monotonic(), informer.snapshot()
            for workload, ready in ready_pods(snapshot, self._workloads).items():
                if counts.get(workload) != ready:
                    counts[workload] = ready
                    self.ready_pods.append(ReadyPods(now, workload, ready))
            occurrences = {(str(event["metadata"]["uid"]), int(event.get("count") or 1)): event for event in snapshot.of_kind("Event")}
            for key in occurrences.keys() - seen if seen is not None else ():
                text = event_text(occurrences[key])
                if text and len(self.events) < MOST_EVENTS:
                    self.events.append(Seen(now, text))
            seen = occurrences.keys() | (seen or set())


def ready_pods(snapshot: Snapshot, workloads: Iterable[ObjectRef]) -> dict[str, int]:
    """The number of ready pods of each workload, without those that are terminating; workloads that do not exist are left out."""
    live = {str(ref): snapshot.get(ref) for ref in workloads}
    return {
        name: sum(is_true(pod, "Ready") for pod in snapshot.pods_of_all_revisions(workload))
        for name, workload in live.items()
        if workload is not None
    }


def event_text(event: Manifest) -> str:
    """The event on one line; empty for one that does not belong on a timeline."""
    if event.get("type") != "Warning" and event.get("reason") not in _NORMAL_REASONS:
        return ""
    message = " ".join(str(event.get("message") or event.get("note") or "").split())
    shown = message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 4]} ..."
    involved = involved_object(event)
    return f"{involved.kind} {involved.name}: {event.get('reason')}: {shown}"
