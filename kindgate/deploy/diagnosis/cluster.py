"""What is wrong in a whole cluster: causes from lists of its objects, for a failure bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kindgate.deploy.diagnosis.cause import Cause, CauseKind
from kindgate.deploy.diagnosis.containers import container_cause, last_termination
from kindgate.deploy.diagnosis.messages import kind_of_event, kind_of_text
from kindgate.deploy.diagnosis.pods import state_causes
from kindgate.deploy.snapshot import Snapshot
from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import container_statuses, involved_object, is_true, is_unhealthy, last_seen

SYSTEM_NAMESPACE = "kube-system"

_NODE_CONDITIONS: Mapping[str, CauseKind] = {"DiskPressure": CauseKind.DISK_PRESSURE, "MemoryPressure": CauseKind.OUT_OF_MEMORY}

_BEFORE_CONTAINERS = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady"})
"""Events about steps that are over once a container exists."""


def cluster_causes(
    pods: Sequence[Manifest], events: Sequence[Manifest], nodes: Sequence[Manifest], claims: Sequence[Manifest] = (), since: str = ""
) -> Iterator[Cause]:
    """Yield all causes: first the present state of pods and nodes, then warnings, oldest first.

    Warnings are omitted about pods that are now healthy or past the reported problem: every start has some. So are
    warnings last seen before `since` (RFC 3339, UTC) about a pod that is ready or gone: they belong to an earlier test.
    A failed probe of one of the cluster's own pods does not count either: on a busy machine each misses one occasionally,
    and their services are checked separately. Only a PersistentVolumeClaim among `claims` is known to be unbound: its
    events outlive the problem.
    """
    snapshot = Snapshot([*pods, *events, *claims])
    for pod in pods:
        yield from (cause for cause in state_causes(pod, snapshot, None) if cause.object.kind == "Pod" or snapshot.get(cause.object))
        yield from _container_causes(pod, since)
    for node in nodes:
        yield from _node_causes(node)
    by_ref = {ObjectRef.of(pod): pod for pod in pods}
    for event in sorted(events, key=last_seen):
        involved, reason, message = involved_object(event), str(event.get("reason", "")), str(event.get("message", ""))
        kind = kind_of_event(reason, message)
        is_routine = kind is CauseKind.PROBE and involved.namespace == SYSTEM_NAMESPACE
        if event.get("type") == "Warning" and not is_routine and not _is_over(event, involved, by_ref.get(involved), since):
            yield Cause(kind, involved, reason, message)


def dns_causes(deployments: Iterable[Manifest]) -> Iterator[Cause]:
    """Yield a cause if the one service that everything needs, the cluster's DNS, has no ready replica."""
    for item in deployments:
        metadata, status = item["metadata"], item.get("status") or {}
        if (metadata.get("namespace"), metadata.get("name")) == (SYSTEM_NAMESPACE, "coredns") and not status.get("readyReplicas"):
            desired = (item.get("spec") or {}).get("replicas", 1)
            ref = ObjectRef("Deployment", SYSTEM_NAMESPACE, "coredns")
            yield Cause(CauseKind.DNS, ref, "", f"DNS of the cluster: 0 of {desired} replicas are ready")


def _container_causes(pod: Manifest, since: str) -> Iterator[Cause]:
    """Yield the causes in a pod's containers, without those that ended before `since` in a pod that is ready again."""
    for container in container_statuses(pod):
        cause = container_cause(pod, container)
        ended = str(last_termination(container).get("finishedAt") or since)
        is_earlier = is_true(pod, "Ready") and ended[:19] < since[:19]
        if cause is not None and not is_earlier:
            yield cause


def _node_causes(node: Manifest) -> Iterator[Cause]:
    ref = ObjectRef("Node", "", str(node["metadata"]["name"]))
    for item in (node.get("status") or {}).get("conditions") or ():
        condition_type, is_ready = str(item.get("type")), item.get("type") == "Ready"
        if item.get("status") != "True" if is_ready else item.get("status") == "True":
            name = "NotReady" if is_ready else condition_type
            line = f"{name}: {item.get('reason', '')}: {item.get('message', '')}"
            yield Cause(_NODE_CONDITIONS.get(condition_type) or kind_of_text(line), ref, "", line)


def _is_over(event: Manifest, involved: ObjectRef, pod: Manifest | None, since: str) -> bool:
    """Return whether a warning about a pod no longer applies: it is healthy, past the step, or gone since an earlier test."""
    is_earlier = last_seen(event)[:19] < since[:19]
    if pod is None:
        return involved.kind == "Pod" and is_earlier
    if not is_unhealthy(pod) or (is_earlier and is_true(pod, "Ready")):
        return True
    reason = event.get("reason")
    if reason == "FailedScheduling":
        return bool(pod["spec"].get("nodeName"))
    return reason in _BEFORE_CONTAINERS and any(item.get("containerID") for item in container_statuses(pod))
