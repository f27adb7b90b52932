"""What the API server reports about objects: conditions, the states of a pod's containers, and events.

The single reader of these fields, tolerant of missing parts: a status is written piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kindgate.model import Manifest, ObjectRef


def condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """Return the status condition of that type; empty if missing."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == kind), {})


def is_true(manifest: Manifest, kind: str) -> bool:
    """Return whether the object has the condition of that type, and it is true."""
    return condition(manifest, kind).get("status") == "True"


def container_statuses(pod: Manifest) -> Iterator[Mapping[str, Any]]:
    """Yield the statuses of a pod's containers, init containers first."""
    yield from init_container_statuses(pod)
    yield from app_container_statuses(pod)


def init_container_statuses(pod: Manifest) -> Iterator[Mapping[str, Any]]:
    """Yield the statuses of a pod's init containers."""
    yield from (pod.get("status") or {}).get("initContainerStatuses") or ()


def app_container_statuses(pod: Manifest) -> Iterator[Mapping[str, Any]]:
    """Yield the statuses of a pod's containers without its init containers."""
    yield from (pod.get("status") or {}).get("containerStatuses") or ()


def is_unhealthy(pod: Manifest) -> bool:
    """Return whether a pod is suspicious: not ready, restarted, or terminating; a completed pod is not."""
    if (pod.get("status") or {}).get("phase") == "Succeeded":
        return False
    restarted = any(item.get("restartCount", 0) for item in container_statuses(pod))
    return not is_true(pod, "Ready") or restarted or bool((pod.get("metadata") or {}).get("deletionTimestamp"))


def involved_object(event: Manifest) -> ObjectRef:
    """Return the object that an event of either API (`v1`, `events.k8s.io/v1`) is about."""
    involved = event.get("involvedObject") or event.get("regarding") or {}
    return ObjectRef(str(involved.get("kind", "")), str(involved.get("namespace", "")), str(involved.get("name", "")))


def last_seen(event: Manifest) -> str:
    """Return when the event was last seen, as RFC 3339 text, which sorts by time; some of its fields are always empty.

    A repeated event of the scheduler has only the time of its first occurrence outside its `series`.
    """
    series = event.get("series") or {}
    return str(event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime") or event.get("firstTimestamp") or "")
