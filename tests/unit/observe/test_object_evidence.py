"""Which pods are reported, and how."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.model import ObjectRef
from kindgate.observe.object_evidence import event_lines, is_unhealthy, node_text, observations, pod_table

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


@pytest.mark.parametrize(
    ("item", "unhealthy"),
    [
        (pod(), False),
        (pod(ready=False), True),
        (pod(restarts=1), True),
        (pod(ready=False, phase="Succeeded"), False),
        ({**pod(), "metadata": {"name": "foo", "namespace": "echo", "deletionTimestamp": "2026-01-01T00:00:00Z"}}, True),
        ({"metadata": {"name": "foo", "namespace": "echo"}, "spec": {}}, True),
    ],
)
def test_unhealthy_pods_are_recognized(item: dict[str, Any], *, unhealthy: bool) -> None:
    """A finished Job's pod is not ready, but it is healthy."""
    assert is_unhealthy(item) is unhealthy


def test_current_state_comes_before_past_warnings() -> None:
    """The current state explains a failure better than an earlier warning."""
    broken = pod(ready=False, waiting={"reason": "ImagePullBackOff", "message": "Back-off pulling image"})
    node = {"metadata": {"name": "worker"}, "status": {"conditions": [{"type": "DiskPressure", "status": "True", "reason": "Full"}]}}
    lines = [str(item) for item in observations([broken], [event("Failed", "said before")], [node])]
    assert lines == [
        "Pod echo/foo: container app: ImagePullBackOff: Back-off pulling image",
        "Node worker: DiskPressure: Full: ",
        "Pod echo/foo: Failed: said before",
    ]


def test_warnings_about_pods_gone_before_the_failure_are_ignored() -> None:
    """A stopping pod fails its readiness probe, and a comparison deploys both versions again."""
    warning = event("Unhealthy", "Readiness probe failed", name="replaced")
    assert not list(observations([pod()], [warning], [], "2026-01-01T00:00:02Z"))
    assert list(observations([pod()], [warning], [], "2026-01-01T00:00:01Z"))
    assert list(observations([pod()], [warning], []))


def test_warnings_about_healthy_pods_are_ignored() -> None:
    """A readiness probe often fails once during startup."""
    assert not list(observations([pod()], [event("Unhealthy", "Readiness probe failed")], []))
    assert list(observations([pod(ready=False)], [event("Unhealthy", "Readiness probe failed")], []))


@pytest.mark.parametrize(
    ("reason", "further"),
    [
        ("FailedScheduling", {"spec": {"nodeName": "worker", "containers": []}}),
        ("FailedMount", {"status": {"containerStatuses": [{"name": "app", "containerID": "containerd://1"}]}}),
        ("FailedCreatePodSandBox", {"status": {"containerStatuses": [{"name": "app", "containerID": "containerd://1"}]}}),
    ],
)
def test_warnings_about_completed_steps_are_ignored(reason: str, further: dict[str, Any]) -> None:
    """A warning about scheduling does not explain a pod that was scheduled and crashed later."""
    waiting = {"metadata": {"name": "foo", "namespace": "echo"}, "spec": {"containers": []}, "status": {"phase": "Pending"}}
    assert list(observations([waiting], [event(reason, "not yet")], []))
    assert not list(observations([{**waiting, **further}], [event(reason, "not yet")], []))


def test_a_ready_pods_events_before_the_test_are_ignored() -> None:
    """Events before the test do not explain the failure, unless the pod is still not ready."""
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-01T00:00:02Z"}}
    again = pod(restarts=1)
    again["status"]["containerStatuses"][0]["lastState"] = ended
    unready = pod(restarts=1, ready=False)
    warning = event("Unhealthy", "Readiness probe failed")

    assert list(observations([again], [warning], [], "2026-01-01T00:00:03.000000Z")) == []
    assert len(list(observations([again], [warning], [], "2026-01-01T00:00:00.000000Z"))) == 2
    assert len(list(observations([unready], [warning], [], "2026-01-01T00:00:03.000000Z"))) == 1


def test_normal_events_are_not_observations() -> None:
    """Only warnings can be a cause."""
    assert not list(observations([], [event("Pulling", "Pulling image", kind="Normal")], []))


def test_an_earlier_termination_is_observed() -> None:
    """For a restarted container, only `lastState` records that it was killed for its memory."""
    item = pod(restarts=1)
    item["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    assert [lines.text for lines in observations([item], [], [])] == ["container app: OOMKilled, exit code 137"]


def test_an_unready_node_is_observed() -> None:
    """Ready is the only condition that is healthy when true."""
    conditions = [
        {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "stopped posting"},
        {"type": "MemoryPressure", "status": "False"},
    ]
    lines = list(observations([], [], [{"metadata": {"name": "worker"}, "status": {"conditions": conditions}}]))
    assert [(item.object, item.text) for item in lines] == [
        (ObjectRef("Node", "", "worker"), "NotReady: NodeStatusUnknown: stopped posting")
    ]


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
