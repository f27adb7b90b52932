"""Events, pods and nodes as text."""

from __future__ import annotations

from typing import Any

from kindgate.observe.object_evidence import event_lines, node_text, pod_table

RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def pod(name: str = "foo", *, ready: bool = True, phase: str = "Running", restarts: int = 0, **state: Any) -> dict[str, Any]:
    """A pod with one container in this state."""
    container = {"name": "app", "ready": ready, "restartCount": restarts, "state": state or RUNNING}
    return {
        "metadata": {"name": name, "namespace": "echo"},
        "spec": {"nodeName": "worker", "containers": [{"name": "app"}]},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": [container]},
    }


def event(
    reason: str, message: str, *, kind: str = "Warning", name: str = "foo", time: str = "2026-01-01T00:00:01Z", **more: Any
) -> dict[str, Any]:
    """An event about a pod."""
    about = {"kind": "Pod", "namespace": "echo", "name": name}
    return {"type": kind, "reason": reason, "message": message, "involvedObject": about, "lastTimestamp": time, **more}


def test_events_are_sorted_one_per_line() -> None:
    """Events are sorted by whichever time field they have, and multi-line messages are folded."""
    events = [
        event("Third", "c", time="", eventTime="2026-01-01T00:00:03.000001Z", series={"count": 4}),
        event("First", "a\n  b", time="2026-01-01T00:00:01Z", count=7),
        event("Second", "b", time="", firstTimestamp="2026-01-01T00:00:02Z", kind="Normal"),
    ]
    assert event_lines(events).splitlines() == [
        "2026-01-01T00:00:01Z Warning Pod echo/foo First x7: a b",
        "2026-01-01T00:00:02Z Normal  Pod echo/foo Second: b",
        "2026-01-01T00:00:03.000001Z Warning Pod echo/foo Third x4: c",
    ]


def test_the_pod_table_shows_state_and_restarts() -> None:
    """The reason a container is waiting replaces the pod's phase."""
    rows = pod_table([pod(), pod("bar", ready=False, restarts=3, waiting={"reason": "CrashLoopBackOff"})]).splitlines()
    assert rows[0].split() == ["POD", "READY", "STATE", "RESTARTS", "NODE"]
    assert rows[1].split() == ["echo/foo", "1/1", "Running", "0", "worker"]
    assert rows[2].split() == ["echo/bar", "0/1", "CrashLoopBackOff", "3", "worker"]


def test_nodes_are_shown_with_conditions_and_taints() -> None:
    """Taints that keep pods off a node are shown."""
    node = {
        "metadata": {"name": "worker"},
        "spec": {"taints": [{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}], "allocatable": {"cpu": "2"}},
    }
    text = node_text([node])
    assert "Ready=True KubeletReady" in text
    assert "allocatable: cpu=2" in text
    assert "node.kubernetes.io/disk-pressure:NoSchedule" in text
