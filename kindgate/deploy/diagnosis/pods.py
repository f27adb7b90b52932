"""What is wrong with a pod: causes from its conditions, its containers, its volume claims, and its events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from kindgate.deploy.diagnosis.cause import SHORT_GRACE, UNLIMITED_GRACE, VOLUME_BINDING_GRACE, Cause, CauseKind
from kindgate.deploy.diagnosis.containers import container_cause
from kindgate.deploy.diagnosis.messages import kind_of_event, kind_of_state
from kindgate.deploy.diagnosis.node_fit import fits_no_node
from kindgate.deploy.snapshot import Snapshot
from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import app_container_statuses, condition, container_statuses, is_true

_CLAIM_EVENTS = frozenset({"ProvisioningFailed", "ExternalProvisioning", "FailedBinding", "ClaimMisbound"})

_KUBELET_EVENTS = {
    "FailedMount": "not found|non-existent|type check failed",
    "FailedAttachVolume": "",
    "FailedCreatePodSandBox": "no runtime for .* is configured",
    "Unhealthy": "",
}
"""The events that explain a pod that is not ready, each with a pattern of its final messages."""


def pod_causes(pod: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    """Yield why a pod is not ready, by its present state and its latest events."""
    ref = ObjectRef.of(pod)
    yield from state_causes(pod, snapshot, nodes)
    for container in container_statuses(pod):
        cause = container_cause(pod, container)
        if cause is not None:
            yield cause
    if not is_true(pod, "Ready"):
        yield from _event_causes(ref, snapshot.events(ref), has_started=_has_started(pod))
    ready = condition(pod, "Ready")
    if ready.get("reason") == "ReadinessGatesNotReady":
        yield Cause(CauseKind.UNKNOWN, ref, "ReadinessGatesNotReady", str(ready.get("message", "")))


def state_causes(pod: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    """Yield what the pod's own status reports, apart from its containers: why it was ended, or why no node runs it."""
    ref, status = ObjectRef.of(pod), pod.get("status") or {}
    if status.get("reason"):
        reason, message = str(status["reason"]), str(status.get("message", ""))
        yield Cause(kind_of_state(reason, message), ref, reason, message)
    yield from _scheduling_causes(ref, pod, snapshot, nodes)


def claim_causes(claims: Iterable[ObjectRef], snapshot: Snapshot) -> Iterator[Cause]:
    """Yield why PersistentVolumeClaims get no volume, by the newest event of each; bound claims have no cause."""
    for ref in claims:
        live = snapshot.get(ref)
        bound = live is not None and (live.get("status") or {}).get("phase") == "Bound"
        events = [event for event in snapshot.events(ref) if event.get("reason") in _CLAIM_EVENTS]
        if events and not bound:
            reason, message = str(events[-1]["reason"]), str(events[-1].get("message", ""))
            grace = SHORT_GRACE if "not found" in message else VOLUME_BINDING_GRACE if reason == "FailedBinding" else UNLIMITED_GRACE
            yield Cause(CauseKind.VOLUME, ref, reason, message, grace)


def _scheduling_causes(ref: ObjectRef, pod: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    scheduled, spec = condition(pod, "PodScheduled"), pod.get("spec") or {}
    message = str(scheduled.get("message", ""))
    if not spec.get("nodeName") and (not message or "persistentvolumeclaim" in message.lower()):
        yield from claim_causes(_mounted_claims(pod), snapshot)
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        missing_claim = re.search('persistentvolumeclaim "[^"]*" not found', message)
        grace = SHORT_GRACE if missing_claim or (nodes is not None and fits_no_node(pod, nodes)) else UNLIMITED_GRACE
        yield Cause(kind_of_state("Unschedulable", message), ref, "Unschedulable", message, grace)
    if scheduled.get("reason") == "SchedulingGated":
        gates = ", ".join(str(gate.get("name")) for gate in spec.get("schedulingGates") or ())
        yield Cause(CauseKind.SCHEDULING, ref, "SchedulingGated", f"blocked by scheduling gates: {gates}")
    scheduler = spec.get("schedulerName") or "default-scheduler"
    if scheduler != "default-scheduler" and not scheduled and not spec.get("nodeName"):
        yield Cause(CauseKind.SCHEDULING, ref, "NoScheduler", f"no scheduler named {scheduler} has picked it up")


def _mounted_claims(pod: Manifest) -> list[ObjectRef]:
    """The PersistentVolumeClaims that the pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    names = [str(volume["persistentVolumeClaim"]["claimName"]) for volume in volumes if volume.get("persistentVolumeClaim")]
    return [ObjectRef("PersistentVolumeClaim", ObjectRef.of(pod).namespace, name) for name in names]


def _event_causes(ref: ObjectRef, events: Sequence[Manifest], *, has_started: bool) -> Iterator[Cause]:
    """Yield the kubelet's latest reports on mounts, sandboxes and probes."""
    for reason, final_pattern in _KUBELET_EVENTS.items():
        last = next((event for event in reversed(events) if event.get("reason") == reason), None)
        if last is not None and (reason == "Unhealthy") == has_started:
            message = str(last.get("message", ""))
            grace = SHORT_GRACE if final_pattern and re.search(final_pattern, message) else UNLIMITED_GRACE
            yield Cause(kind_of_event(reason, message), ref, "ProbeFailed" if reason == "Unhealthy" else reason, message, grace)


def _has_started(pod: Manifest) -> bool:
    return any("running" in (container.get("state") or {}) for container in app_container_statuses(pod))
