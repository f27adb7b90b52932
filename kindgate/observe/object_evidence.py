"""Evidence in the cluster's objects about a failure: suspicious pods, and text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import (
    app_container_statuses,
    container_statuses,
    init_container_statuses,
    involved_object,
    is_true,
    last_seen,
)


@dataclass(frozen=True)
class Observation:
    """One reported line about an object."""

    object: ObjectRef
    text: str

    def __str__(self) -> str:
        """Object and line."""
        return f"{self.object}: {self.text}"


def is_unhealthy(pod: Manifest) -> bool:
    """Return whether a pod is suspicious: not ready, restarted, or terminating; a completed pod is not."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return False
    restarted = any(item.get("restartCount", 0) for item in container_statuses(pod))
    return not is_true(pod, "Ready") or restarted or bool((pod.get("metadata") or {}).get("deletionTimestamp"))


def observations(pods: Sequence[Manifest], events: Sequence[Manifest], nodes: Sequence[Manifest], since: str = "") -> Iterator[Observation]:
    """Yield lines that might name a cause: first the current state of pods and nodes, then warnings, oldest first.

    Warnings are omitted about pods that are now healthy or past the reported problem: every start has some. So are
    warnings last seen before `since` (RFC 3339, UTC) about a pod that is ready or gone: they belong to an earlier test.
    """
    for item in pods:
        yield from _pod_observations(item, since)
    for node in nodes:
        yield from _node_observations(node)
    by_ref = {ObjectRef.of({**pod, "kind": "Pod"}): pod for pod in pods}
    for event in by_time(events):
        involved = involved_object(event)
        pod = by_ref.get(involved)
        is_past_pod = involved.kind == "Pod" and pod is None and last_seen(event)[:19] < since[:19]
        if event.get("type") == "Warning" and not is_past_pod and not (pod and (not is_unhealthy(pod) or _is_past(event, pod, since))):
            yield Observation(involved, f"{event.get('reason', '')}: {event.get('message', '')}")


def system_observations(deployments: Iterable[Manifest]) -> Iterator[Observation]:
    """Yield lines about the one cluster service that everything needs: its DNS."""
    for item in deployments:
        metadata, status = item["metadata"], item.get("status") or {}
        if (metadata.get("namespace"), metadata.get("name")) == ("kube-system", "coredns") and not status.get("readyReplicas"):
            desired = (item.get("spec") or {}).get("replicas", 1)
            yield Observation(ObjectRef("Deployment", "kube-system", "coredns"), f"DNS of the cluster: 0 of {desired} replicas are ready")


def by_time(events: Iterable[Manifest]) -> list[Manifest]:
    """Return the events, oldest first."""
    return sorted(events, key=last_seen)


def event_lines(events: Iterable[Manifest]) -> str:
    """Format one line per event, oldest first: time, type, object, reason, count, message."""
    lines = []
    for event in by_time(events):
        count = (event.get("series") or {}).get("count") or event.get("count") or 1
        times = f" x{count}" if count > 1 else ""
        message = " ".join(str(event.get("message", "")).split())
        lines.append(f"{last_seen(event)} {event.get('type', ''):7} {involved_object(event)} {event.get('reason', '')}{times}: {message}")
    return "\n".join(lines) + "\n"


def pod_table(pods: Iterable[Manifest]) -> str:
    """Format one line per pod: namespace/name, ready containers, state, restarts, node."""
    rows = [("POD", "READY", "STATE", "RESTARTS", "NODE")]
    for pod in pods:
        containers = list(app_container_statuses(pod))
        ready = f"{sum(bool(item.get('ready')) for item in containers)}/{len(pod['spec'].get('containers') or ())}"
        restarts = str(sum(int(item.get("restartCount", 0)) for item in containers))
        name = f"{pod['metadata'].get('namespace', '')}/{pod['metadata'].get('name', '')}"
        rows.append((name, ready, _state(pod), restarts, str(pod["spec"].get("nodeName", "-"))))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows) + "\n"


def node_text(nodes: Iterable[Manifest]) -> str:
    """Format each node's conditions, allocatable resources and taints."""
    lines = []
    for node in nodes:
        status = node.get("status") or {}
        lines.append(f"{node['metadata']['name']}  {(status.get('nodeInfo') or {}).get('kubeletVersion', '')}")
        lines += [
            f"  {item.get('type')}={item.get('status')} {item.get('reason', '')}: {item.get('message', '')}"
            for item in status.get("conditions") or ()
        ]
        allocatable = " ".join(f"{key}={value}" for key, value in sorted((status.get("allocatable") or {}).items()))
        lines.append(f"  allocatable: {allocatable}")
        taints = ", ".join(f"{item.get('key')}:{item.get('effect')}" for item in (node.get("spec") or {}).get("taints") or ())
        lines.append(f"  taints: {taints or 'none'}")
    return "\n".join(lines) + "\n"


def _is_past(event: Manifest, pod: Manifest, since: str) -> bool:
    """Return whether the pod is past the step that the event complains about, or is ready and the event predates `since`."""
    if last_seen(event)[:19] < since[:19] and is_true(pod, "Ready"):
        return True
    reason = event.get("reason")
    if reason == "FailedScheduling":
        return bool(pod["spec"].get("nodeName"))
    if reason in {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady"}:
        return any(item.get("containerID") for item in container_statuses(pod))
    return False


def _pod_observations(pod: Manifest, since: str) -> Iterator[Observation]:
    ref = ObjectRef.of({**pod, "kind": "Pod"})
    status = pod.get("status") or {}
    if status.get("reason"):
        yield Observation(ref, f"{status['reason']}: {status.get('message', '')}")
    for item in status.get("conditions") or ():
        if item.get("type") == "PodScheduled" and item.get("status") == "False":
            yield Observation(ref, f"{item.get('reason', '')}: {item.get('message', '')}")
    for item in container_statuses(pod):
        state, last = item.get("state") or {}, item.get("lastState") or {}
        for part in (last.get("terminated"), state.get("terminated"), state.get("waiting")):
            is_earlier = part is not None and is_true(pod, "Ready") and str(part.get("finishedAt") or since)[:19] < since[:19]
            if part and not is_earlier and part.get("reason") not in {None, "Completed", "ContainerCreating", "PodInitializing"}:
                code = f", exit code {part['exitCode']}" if "exitCode" in part else ""
                yield Observation(ref, f"container {item['name']}: {part['reason']}{code}: {part.get('message', '')}".rstrip(": "))


def _node_observations(node: Manifest) -> Iterator[Observation]:
    ref = ObjectRef("Node", "", str(node["metadata"]["name"]))
    for item in (node.get("status") or {}).get("conditions") or ():
        is_unhealthy_condition = item.get("status") != "True" if item.get("type") == "Ready" else item.get("status") == "True"
        if is_unhealthy_condition:
            name = "NotReady" if item.get("type") == "Ready" else item.get("type")
            yield Observation(ref, f"{name}: {item.get('reason', '')}: {item.get('message', '')}")


def _reason(container: Mapping[str, Any]) -> str:
    """Why the container is not running; empty if it is, or if no reason is reported."""
    state = container.get("state") or {}
    return str((state.get("waiting") or state.get("terminated") or {}).get("reason") or "")


def _state(pod: Manifest) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    reasons = [reason for item in init_container_statuses(pod) if (reason := _reason(item)) != "Completed"]
    reasons += [_reason(item) for item in app_container_statuses(pod)]
    reason = next(filter(None, reasons), "")
    if reason:
        return reason
    status = pod.get("status") or {}
    return str(status.get("reason") or status.get("phase", "Unknown"))
