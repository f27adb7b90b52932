"""Events, pods and nodes of a failed cluster as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kindgate.model import Manifest
from kindgate.object_status import app_container_statuses, init_container_statuses, involved_object, last_seen


def event_lines(events: Iterable[Manifest]) -> str:
    """Format one line per event, oldest first: time, type, object, reason, count, message."""
    lines = []
    for event in sorted(events, key=last_seen):
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
