"""The causes in a cluster's objects, and what belongs to an earlier test or a healthy pod."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.diagnosis.cause import Cause, CauseKind
from kindgate.deploy.diagnosis.cluster import cluster_causes, dns_causes
from kindgate.model import ObjectRef

Object = dict[str, Any]
RUNNING: Object = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def pod(
    name: str = "foo", *, ready: bool = True, restarts: int = 0, last: Object | None = None, status: Object | None = None, **state: Any
) -> Object:
    """A pod with one container in this state."""
    container = {"name": "app", "ready": ready, "restartCount": restarts, "state": state or RUNNING, "lastState": last or {}}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "echo"},
        "spec": {"nodeName": "worker", "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "conditions": conditions, "containerStatuses": [container], **(status or {})},
    }


def unscheduled(message: str, **spec: Any) -> Object:
    """A pod that no node runs, for this reason."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {**pod(), "spec": {"containers": [], **spec}, "status": {"phase": "Pending", "conditions": [condition]}}


def event(
    reason: str, message: str, *, type_: str = "Warning", kind: str = "Pod", name: str = "foo", time: str = "2026-01-01T00:00:01Z"
) -> Object:
    """An event about an object in the namespace echo."""
    metadata = {"name": f"{name}.{reason}.{time}", "namespace": "echo"}
    about = {"kind": kind, "namespace": "echo", "name": name}
    found = {"type": type_, "reason": reason, "message": message, "involvedObject": about, "lastTimestamp": time}
    return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, **found}


def node(**condition: str) -> Object:
    """A node with one condition."""
    return {"kind": "Node", "metadata": {"name": "worker"}, "status": {"conditions": [condition]}}


def findings(*pods: Object, events: tuple[Object, ...] = (), nodes: tuple[Object, ...] = (), since: str = "") -> list[str]:
    """Return every cause as a report quotes it."""
    return [cause.finding for cause in cluster_causes(pods, events, nodes, since=since)]


PULL_FAILURE: Object = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
OOM = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-01T00:00:02Z"}}


def test_current_state_comes_before_past_warnings() -> None:
    """The current state explains a failure better than an earlier warning."""
    found = findings(
        pod(ready=False, **PULL_FAILURE),
        events=(event("Failed", "Failed to pull image foo"),),
        nodes=(node(type="DiskPressure", status="True", reason="Full", message="90 %"),),
    )
    assert found == [
        "image pull: Pod echo/foo: container app: ImagePullBackOff: Back-off pulling image",
        "disk pressure: Node worker: DiskPressure: Full: 90 %",
        "image pull: Pod echo/foo: Failed: Failed to pull image foo",
    ]


def test_warnings_about_pods_gone_before_the_failure_are_ignored() -> None:
    """A stopping pod fails its readiness probe, and a comparison deploys both versions again."""
    warning = event("Unhealthy", "Readiness probe failed", name="replaced")
    assert not findings(pod(), events=(warning,), since="2026-01-01T00:00:02Z")
    assert findings(pod(), events=(warning,), since="2026-01-01T00:00:01Z")
    assert findings(pod(), events=(warning,))


def test_warnings_about_healthy_pods_are_ignored() -> None:
    """A readiness probe often fails once during startup."""
    warning = event("Unhealthy", "Readiness probe failed")
    assert not findings(pod(), events=(warning,))
    assert findings(pod(ready=False), events=(warning,)) == ["probe: Pod echo/foo: Unhealthy: Readiness probe failed"]


def test_a_failed_probe_of_a_system_pod_is_not_a_cause() -> None:
    """A failed probe of a system pod on a busy machine does not explain a slow application."""
    warning = event("Unhealthy", "Readiness probe failed", name="kube-scheduler")
    warning["involvedObject"]["namespace"] = "kube-system"
    assert not findings(events=(warning,))


@pytest.mark.parametrize(
    ("reason", "further"),
    [
        ("FailedScheduling", {"spec": {"nodeName": "worker", "containers": []}}),
        ("FailedMount", {"status": {"containerStatuses": [{"name": "app", "containerID": "containerd://1"}]}}),
        ("FailedCreatePodSandBox", {"status": {"containerStatuses": [{"name": "app", "containerID": "containerd://1"}]}}),
    ],
)
def test_warnings_about_completed_steps_are_ignored(reason: str, further: Object) -> None:
    """A warning about scheduling does not explain a pod that was scheduled and crashed later."""
    waiting = {**pod(), "spec": {"containers": []}, "status": {"phase": "Pending"}}
    assert findings(waiting, events=(event(reason, "not yet"),))
    assert not findings({**waiting, **further}, events=(event(reason, "not yet"),))


def test_a_ready_pods_past_before_the_test_is_ignored() -> None:
    """Kills and warnings before the test do not explain the failure, unless the pod is still not ready."""
    warning = event("Unhealthy", "Readiness probe failed")
    again, unready = pod(restarts=1, last=OOM), pod(restarts=1, ready=False, last=OOM)
    assert findings(again, events=(warning,), since="2026-01-01T00:00:03.000000Z") == []
    assert len(findings(again, events=(warning,), since="2026-01-01T00:00:00.000000Z")) == 2
    assert len(findings(unready, events=(warning,), since="2026-01-01T00:00:03.000000Z")) == 2


def test_only_warnings_are_causes() -> None:
    """A normal event reports a step, not a problem."""
    assert not findings(events=(event("Killing", "Container app failed liveness probe, will be restarted", type_="Normal"),))


def test_an_evicted_pod_names_the_shortage_or_the_eviction() -> None:
    """The kubelet reports whether the node was short of memory or disk, or the pod used more than its share."""
    memory = pod(ready=False, status={"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."})
    usage = 'Usage of EmptyDir volume "data" exceeds the limit "1Gi".'
    own = pod(ready=False, status={"phase": "Failed", "reason": "Evicted", "message": usage})
    assert findings(memory) == ["out of memory: Pod echo/foo: Evicted: The node was low on resource: memory."]
    assert findings(own) == [f"eviction: Pod echo/foo: Evicted: {usage}"]


def test_a_pod_beyond_its_deadline_is_a_cause() -> None:
    """`activeDeadlineSeconds` ends a pod, whose containers report only that they were killed."""
    message = "Pod was active on the node longer than the specified deadline"
    ended = pod(ready=False, status={"phase": "Failed", "reason": "DeadlineExceeded", "message": message})
    assert findings(ended) == [f"deadline exceeded: Pod echo/foo: DeadlineExceeded: {message}"]


def test_a_claim_without_a_volume_explains_its_pod() -> None:
    """The claim's event names the missing class; a claim that is bound, or was not read, explains nothing."""
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    waits = unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", volumes=volumes)
    failed = event("ProvisioningFailed", 'storageclass "fast" not found', kind="PersistentVolumeClaim", name="data")
    claim: Object = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "echo"}}

    def first(*claims: Object) -> Cause:
        return next(iter(cluster_causes([waits], [failed], [], claims)))

    assert first({**claim, "status": {"phase": "Pending"}}).finding == (
        'volume: PersistentVolumeClaim echo/data: ProvisioningFailed: storageclass "fast" not found'
    )
    assert first({**claim, "status": {"phase": "Bound"}}).kind is CauseKind.SCHEDULING
    assert first().kind is CauseKind.SCHEDULING


def test_an_unready_node_is_a_cause() -> None:
    """Ready is the only condition that is healthy when true."""
    unknown = node(type="Ready", status="Unknown", reason="NodeStatusUnknown", message="Kubelet stopped posting node status.")
    assert findings(nodes=(unknown,)) == ["node not ready: Node worker: NotReady: NodeStatusUnknown: Kubelet stopped posting node status."]
    assert not findings(nodes=(node(type="MemoryPressure", status="False"), node(type="Ready", status="True")))


def test_a_cluster_without_dns_is_a_cause() -> None:
    """With CoreDNS scaled to zero, no pod is unhealthy and no event is recorded."""
    coredns: Object = {"metadata": {"name": "coredns", "namespace": "kube-system"}, "spec": {"replicas": 0}, "status": {}}
    assert [cause.object for cause in dns_causes([coredns])] == [ObjectRef("Deployment", "kube-system", "coredns")]
    assert not list(dns_causes([{**coredns, "status": {"readyReplicas": 1}}]))
