"""Why a workload does not become ready: causes from its pods, their owners, events and nodes, each with the line that proves it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from kindgate.deploy.rejection_patterns import ADMISSION_DENIED, QUOTA_EXCEEDED, WEBHOOK_FAILED
from kindgate.deploy.snapshot import Snapshot, is_up_to_date, keeps_old_pods
from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import app_container_statuses, condition, container_statuses, is_true

NO_GRACE = 0.0

SHORT_GRACE = 5.0
"""For problems that the cluster can still resolve: a terminating pod frees quota, a Secret arrives a moment later."""

PULL_RETRY_GRACE = 12.0
"""For pulls from an overloaded registry: the kubelet retries after 10 s."""

VOLUME_BINDING_GRACE = 20.0
"""For volumes created by hand: the controller that binds them checks every 15 s."""

UNLIMITED_GRACE = math.inf
_CLAIM_EVENTS = frozenset({"ProvisioningFailed", "ExternalProvisioning", "FailedBinding", "ClaimMisbound"})

_KUBELET_EVENTS = {
    "FailedMount": "not found|non-existent|type check failed",
    "FailedAttachVolume": "",
    "FailedCreatePodSandBox": "no runtime for .* is configured",
    "Unhealthy": "",
}
"""The events that explain a pod that is not ready, each with a pattern of its final messages."""


@dataclass(frozen=True)
class Cause:
    """One reason that keeps `object` from being ready: Kubernetes' `reason`, and `proof` as its source reports it.

    After `grace` seconds a cause is final; it is infinite if the problem can pass and only the deadline ends the wait.
    `container` is the one whose log shows more, `previous` selects the log of its previous run, and `pod` names its pod if
    `object` is not one. `restarts` counts the restarts of a crashing container; None for other causes.
    """

    object: ObjectRef
    reason: str
    proof: str
    grace: float = NO_GRACE
    container: str = ""
    previous: bool = False
    pod: str = ""
    restarts: int | None = None

    def __str__(self) -> str:
        """One line: object, reason, proof."""
        return f"{self.object}: {self.reason}: {self.proof}"


def causes(workload: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None = None) -> list[Cause]:
    """Return what is wrong with a live workload, the strongest evidence first; empty if nothing is, or nothing is known yet.

    `nodes` are the cluster's nodes, if readable: without them, no pod can be proven unschedulable. Only pods of the
    current revision count, so a pod that a rollout replaces fails no run.
    """
    if not is_up_to_date(workload):
        return []
    workload_causes = [cause for pod in snapshot.pods(workload) for cause in _pod_causes(pod, snapshot, nodes)]
    if workload["kind"] == "Job":  # a Job's own limit decides how often its containers may fail
        workload_causes = [
            replace(cause, grace=UNLIMITED_GRACE) if cause.reason == "CrashLoopBackOff" else cause for cause in workload_causes
        ]
        workload_causes += _failed_pod_causes(workload)
    workload_causes += _creation_causes(workload, snapshot)
    workload_causes += _stuck_pod_causes(workload, snapshot, nodes)
    return sorted(workload_causes, key=lambda cause: cause.grace)


def claim_causes(claims: Iterable[ObjectRef], snapshot: Snapshot) -> list[Cause]:
    """Return why PersistentVolumeClaims get no volume, by the newest event of each; bound claims have no cause."""
    found_causes: list[Cause] = []
    for ref in claims:
        live = snapshot.get(ref)
        bound = live is not None and (live.get("status") or {}).get("phase") == "Bound"
        events = [event for event in snapshot.events(ref) if event.get("reason") in _CLAIM_EVENTS]
        if events and not bound:
            reason, message = str(events[-1]["reason"]), str(events[-1].get("message", ""))
            grace = SHORT_GRACE if "not found" in message else VOLUME_BINDING_GRACE if reason == "FailedBinding" else UNLIMITED_GRACE
            found_causes.append(Cause(ref, reason, message, grace))
    return found_causes


def fits_no_node(pod: Manifest, nodes: Sequence[Manifest]) -> bool:
    """Return whether every node is ruled out permanently.

    Anything that can pass is ignored: other pods' usage, taints that the cluster sets on a failing node, volumes. Rules
    that are not understood count as met.
    """
    return bool(nodes) and not any(_fits(pod["spec"], node) for node in nodes)


def _failed_pod_causes(job: Manifest) -> Iterator[Cause]:
    """Yield a cause if pods of a Job failed. Others might succeed: the Job reports when it gives up."""
    failed = (job.get("status") or {}).get("failed", 0)
    if failed:
        yield Cause(ObjectRef.of(job), "PodsFailed", f"{failed} of its pods failed so far", UNLIMITED_GRACE)


def _stuck_pod_causes(workload: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    """Yield broken pods that a StatefulSet waits for before it replaces them (kubernetes/kubernetes#67250)."""
    spec = workload.get("spec") or {}
    if workload["kind"] != "StatefulSet" or spec.get("podManagementPolicy") == "Parallel" or keeps_old_pods(workload):
        return
    current = {ObjectRef.of(pod) for pod in snapshot.pods(workload)}
    for pod in snapshot.pods_of_all_revisions(workload):
        cause = next(_pod_causes(pod, snapshot, nodes), None) if ObjectRef.of(pod) not in current else None
        if cause is not None:
            proof = f"the StatefulSet does not replace this pod of the previous revision until it is ready: {cause.reason}: {cause.proof}"
            # without a readiness probe it is briefly ready at each start, and is then replaced
            yield replace(cause, reason="OldPodStuck", proof=proof, grace=UNLIMITED_GRACE, restarts=None)


def _creation_causes(workload: Manifest, snapshot: Snapshot) -> Iterator[Cause]:
    """Yield why the pods are not even created: a quota, an admission policy, a webhook."""
    creators = [workload]
    if workload["kind"] == "Deployment":
        replicaset = snapshot.current_replicaset(workload)
        creators = [replicaset] if replicaset else []
    for creator in creators:
        ref = ObjectRef.of(creator)
        failure = condition(creator, "ReplicaFailure")
        message = str(failure.get("message", "")) if failure.get("status") == "True" else ""
        if not message and workload["kind"] != "Deployment" and not snapshot.pods(workload):
            events = [event for event in snapshot.events(ref) if event.get("reason") == "FailedCreate"]
            message = str(events[-1].get("message", "")) if events else ""
        if message:
            yield _rejection_cause(ref, message)


def _rejection_cause(ref: ObjectRef, message: str) -> Cause:
    if ADMISSION_DENIED.search(message):
        return Cause(ref, "AdmissionDenied", message)
    if QUOTA_EXCEEDED.search(message):
        return Cause(ref, "QuotaExceeded", message, SHORT_GRACE)
    if "error looking up service account" in message:
        is_default_account = 'serviceaccount "default" not found' in message
        return Cause(ref, "FailedCreate", message, UNLIMITED_GRACE if is_default_account else SHORT_GRACE)
    is_rejected = re.search("is forbidden|is invalid", message) and not WEBHOOK_FAILED.search(message)
    return Cause(ref, "FailedCreate", message, SHORT_GRACE if is_rejected else UNLIMITED_GRACE)


def _pod_causes(pod: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    ref = ObjectRef.of(pod)
    yield from _scheduling_causes(ref, pod, snapshot, nodes)
    for container in container_statuses(pod):
        cause = _container_cause(ref, container)
        if cause is not None:
            yield cause
    if not is_true(pod, "Ready"):
        yield from _event_causes(ref, snapshot.events(ref), _has_started(pod))
    ready = condition(pod, "Ready")
    if ready.get("reason") == "ReadinessGatesNotReady":
        yield Cause(ref, "ReadinessGatesNotReady", str(ready.get("message", "")), UNLIMITED_GRACE)


def _scheduling_causes(ref: ObjectRef, pod: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    scheduled, spec = condition(pod, "PodScheduled"), pod.get("spec") or {}
    message = str(scheduled.get("message", ""))
    if not spec.get("nodeName") and (not message or "persistentvolumeclaim" in message.lower()):
        yield from claim_causes(_mounted_claims(pod), snapshot)
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        missing_claim = re.search('persistentvolumeclaim "[^"]*" not found', message)
        grace = SHORT_GRACE if missing_claim or (nodes is not None and fits_no_node(pod, nodes)) else UNLIMITED_GRACE
        yield Cause(ref, "Unschedulable", message, grace)
    if scheduled.get("reason") == "SchedulingGated":
        gates = ", ".join(str(gate.get("name")) for gate in spec.get("schedulingGates") or ())
        yield Cause(ref, "SchedulingGated", f"blocked by scheduling gates: {gates}", UNLIMITED_GRACE)
    scheduler = spec.get("schedulerName") or "default-scheduler"
    if scheduler != "default-scheduler" and not scheduled and not spec.get("nodeName"):
        yield Cause(ref, "NoScheduler", f"no scheduler named {scheduler} has picked it up", UNLIMITED_GRACE)


def _mounted_claims(pod: Manifest) -> list[ObjectRef]:
    """The PersistentVolumeClaims that the pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    names = [str(volume["persistentVolumeClaim"]["claimName"]) for volume in volumes if volume.get("persistentVolumeClaim")]
    return [ObjectRef("PersistentVolumeClaim", ObjectRef.of(pod).namespace, name) for name in names]


def _container_cause(ref: ObjectRef, container: Mapping[str, Any]) -> Cause | None:
    name, state = str(container["name"]), container.get("state") or {}
    waiting = state.get("waiting") or {}
    terminated = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}:
        proof = f"container {name}, image {container.get('image')}: {message}"
        return Cause(ref, reason, proof, _pull_grace(reason, message))
    if terminated.get("reason") == "OOMKilled":
        return Cause(ref, "OOMKilled", f"container {name} exceeded its memory limit", container=name, previous="terminated" not in state)
    if terminated.get("reason") in {"StartError", "ContainerCannotRun"}:
        return Cause(ref, str(terminated["reason"]), f"container {name} failed to start: {terminated.get('message', '')}")
    restarts, has_just_failed = int(container.get("restartCount", 0)), (state.get("terminated") or {}).get("exitCode", 0) != 0
    if reason == "CrashLoopBackOff" or (
        restarts and has_just_failed
    ):  # its state can be `terminated` for most of the time between restarts
        proof = f"container {name} keeps exiting, last exit code {terminated.get('exitCode', 'unknown')}, {restarts} restarts"
        return Cause(ref, "CrashLoopBackOff", proof, container=name, previous=not has_just_failed, restarts=restarts)
    if reason in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
        return Cause(ref, reason, f"container {name}: {message}", SHORT_GRACE)
    return None


def _event_causes(ref: ObjectRef, events: Sequence[Manifest], started: bool) -> Iterator[Cause]:  # noqa: FBT001 - private, and named
    """Yield the kubelet's latest reports on mounts, sandboxes and probes."""
    for reason, final_pattern in _KUBELET_EVENTS.items():
        last = next((event for event in reversed(events) if event.get("reason") == reason), None)
        if last is not None and (reason == "Unhealthy") == started:
            message = str(last.get("message", ""))
            grace = SHORT_GRACE if final_pattern and re.search(final_pattern, message) else UNLIMITED_GRACE
            yield Cause(ref, "ProbeFailed" if reason == "Unhealthy" else reason, message, grace)


def _has_started(pod: Manifest) -> bool:
    return any("running" in (container.get("state") or {}) for container in app_container_statuses(pod))


def _pull_grace(reason: str, message: str) -> float:
    """Return how long a failed pull can still recover: 0 if the registry or runtime reported that the image does not exist."""
    final_messages = (
        "not found|does not exist|manifest unknown|unauthorized|authentication required|denied|invalid reference|forbidden|no match for"
    )
    if reason in {"InvalidImageName", "ErrImageNeverPull"} or re.search(final_messages, message, re.IGNORECASE):
        return NO_GRACE
    return SHORT_GRACE if re.search("no such host|connection refused|unreachable", message) else PULL_RETRY_GRACE


def _fits(spec: Mapping[str, Any], node: Manifest) -> bool:
    return _is_large_enough(spec, node) and _is_selected(spec, node) and _is_tolerated(spec, node)


def _is_large_enough(spec: Mapping[str, Any], node: Manifest) -> bool:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    return all(requested <= _quantity(allocatable.get(name, "0")) for name, requested in _requests(spec).items())


def _requests(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """The sum of the containers' requests, or the largest init container's if that is greater."""
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        for name, amount in _container_requests(container).items():
            total[name] = total.get(name, Decimal()) + amount
    for container in spec.get("initContainers") or ():
        for name, amount in _container_requests(container).items():
            total[name] = max(total.get(name, Decimal()), amount)
    return total


def _container_requests(container: Mapping[str, Any]) -> dict[str, Decimal]:
    requests = (container.get("resources") or {}).get("requests") or {}
    return {name: _quantity(amount) for name, amount in requests.items()}


def _quantity(text: object) -> Decimal:
    """Parse a Kubernetes quantity (`500m`, `64Mi`)."""
    from kubernetes.utils import parse_quantity  # noqa: PLC0415 - 0.3 s to import, and few pods are unschedulable

    return Decimal(parse_quantity(str(text)))  # type: ignore[no-untyped-call]  # published without types


def _is_selected(spec: Mapping[str, Any], node: Manifest) -> bool:
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = affinity.get("nodeSelectorTerms") or ()
    return not terms or any(all(_matches(item, labels) for item in term.get("matchExpressions") or ()) for term in terms)


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return True


def _is_tolerated(spec: Mapping[str, Any], node: Manifest) -> bool:
    taints = node["spec"].get("taints") or ()
    permanent = (taint for taint in taints if taint["effect"] != "PreferNoSchedule" and not taint["key"].startswith("node.kubernetes.io/"))
    return all(any(_tolerates(item, taint) for item in spec.get("tolerations") or ()) for taint in permanent)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))
