"""Why a workload does not become ready: causes from its pods, their owners, events and nodes, each with the line that proves it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from kindgate.deploy.snapshot import Snapshot, condition, is_up_to_date, keeps_old_pods
from kindgate.model import Manifest, ObjectRef

AT_ONCE = 0.0

SHORTLY = 5.0
"""For problems that the cluster can still resolve: a terminating pod frees quota, a Secret arrives a moment later."""

RETRIED_ONCE = 12.0
"""For pulls from an overloaded registry: the kubelet retries after 10 s."""

BOUND_SOON = 20.0
"""For volumes created by hand: the controller that binds them checks every 15 s."""

NEVER = math.inf
_CLAIM_TROUBLE = frozenset({"ProvisioningFailed", "ExternalProvisioning", "FailedBinding", "ClaimMisbound"})

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
    grace: float = AT_ONCE
    container: str = ""
    previous: bool = False
    pod: str = ""
    restarts: int | None = None

    def __str__(self) -> str:
        """One line: object, reason, proof."""
        return f"{self.object}: {self.reason}: {self.proof}"


def causes(workload: Manifest, observed: Snapshot, nodes: Sequence[Manifest] | None = None) -> list[Cause]:
    """Return what is wrong with a live workload, the strongest evidence first; empty if nothing is, or nothing is known yet.

    `nodes` are the cluster's nodes, if readable: without them, no pod can be proven unschedulable. Only pods of the
    current revision count, so a pod that a rollout replaces fails no run.
    """
    if not is_up_to_date(workload):
        return []
    found = [cause for pod in observed.pods(workload) for cause in _of_pod(pod, observed, nodes)]
    if workload["kind"] == "Job":  # a Job's own limit decides how often its containers may fail
        found = [replace(cause, grace=NEVER) if cause.reason == "CrashLoopBackOff" else cause for cause in found]
        found += _of_failed_pods(workload)
    found += _of_controller(workload, observed)
    found += _of_stuck_pods(workload, observed, nodes)
    return sorted(found, key=lambda cause: cause.grace)


def claim_causes(claims: Iterable[ObjectRef], observed: Snapshot) -> list[Cause]:
    """Return why PersistentVolumeClaims get no volume, by the newest event of each; bound claims have no cause."""
    found: list[Cause] = []
    for ref in claims:
        live = observed.get(ref)
        bound = live is not None and (live.get("status") or {}).get("phase") == "Bound"
        events = [event for event in observed.events(ref) if event.get("reason") in _CLAIM_TROUBLE]
        if events and not bound:
            reason, message = str(events[-1]["reason"]), str(events[-1].get("message", ""))
            grace = SHORTLY if "not found" in message else BOUND_SOON if reason == "FailedBinding" else NEVER
            found.append(Cause(ref, reason, message, grace))
    return found


def fits_no_node(pod: Manifest, nodes: Sequence[Manifest]) -> bool:
    """Return whether every node is ruled out permanently.

    Anything that can pass is ignored: other pods' usage, taints that the cluster sets on a failing node, volumes. Rules
    that are not understood count as met.
    """
    return bool(nodes) and not any(_fits(pod["spec"], node) for node in nodes)


def _of_failed_pods(job: Manifest) -> Iterator[Cause]:
    """Yield a cause if pods of a Job failed. Others might succeed: the Job reports when it gives up."""
    failed = (job.get("status") or {}).get("failed", 0)
    if failed:
        yield Cause(ObjectRef.of(job), "PodsFailed", f"{failed} of its pods failed so far", NEVER)


def _of_stuck_pods(workload: Manifest, observed: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    """Yield broken pods that a StatefulSet waits for before it replaces them (kubernetes/kubernetes#67250)."""
    spec = workload.get("spec") or {}
    if workload["kind"] != "StatefulSet" or spec.get("podManagementPolicy") == "Parallel" or keeps_old_pods(workload):
        return
    current = {ObjectRef.of(pod) for pod in observed.pods(workload)}
    for pod in observed.pods_of_all_revisions(workload):
        broken = next(_of_pod(pod, observed, nodes), None) if ObjectRef.of(pod) not in current else None
        if broken is not None:
            proof = f"the StatefulSet does not replace this pod of the previous revision until it is ready: {broken.reason}: {broken.proof}"
            # without a readiness probe it is briefly ready at each start, and is then replaced
            yield replace(broken, reason="OldPodStuck", proof=proof, grace=NEVER, restarts=None)


def _of_controller(workload: Manifest, observed: Snapshot) -> Iterator[Cause]:
    """Yield why the pods are not even created: a quota, an admission policy, a webhook."""
    makers = [workload]
    if workload["kind"] == "Deployment":
        replicaset = observed.current_replicaset(workload)
        makers = [replicaset] if replicaset else []
    for maker in makers:
        ref = ObjectRef.of(maker)
        refused = condition(maker, "ReplicaFailure")
        message = str(refused.get("message", "")) if refused.get("status") == "True" else ""
        if not message and workload["kind"] != "Deployment" and not observed.pods(workload):
            events = [event for event in observed.events(ref) if event.get("reason") == "FailedCreate"]
            message = str(events[-1].get("message", "")) if events else ""
        if message:
            yield _refusal(ref, message)


def _refusal(ref: ObjectRef, message: str) -> Cause:
    if "exceeded quota" in message or "must specify" in message:
        return Cause(ref, "QuotaExceeded", message, SHORTLY)
    if re.search("denied (the )?request", message) or "violates PodSecurity" in message:
        return Cause(ref, "AdmissionDenied", message)
    if "error looking up service account" in message:
        made_by_the_cluster = 'serviceaccount "default" not found' in message
        return Cause(ref, "FailedCreate", message, NEVER if made_by_the_cluster else SHORTLY)
    refused = re.search("is forbidden|is invalid", message) and "failed calling webhook" not in message
    return Cause(ref, "FailedCreate", message, SHORTLY if refused else NEVER)


def _of_pod(pod: Manifest, observed: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    ref = ObjectRef.of(pod)
    status = pod.get("status") or {}
    yield from _unscheduled(ref, pod, observed, nodes)
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        cause = _of_container(ref, container)
        if cause is not None:
            yield cause
    if condition(pod, "Ready").get("status") != "True":
        yield from _from_events(ref, observed.events(ref), _started(status))
    ready = condition(pod, "Ready")
    if ready.get("reason") == "ReadinessGatesNotReady":
        yield Cause(ref, "ReadinessGatesNotReady", str(ready.get("message", "")), NEVER)


def _unscheduled(ref: ObjectRef, pod: Manifest, observed: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    scheduled, spec = condition(pod, "PodScheduled"), pod.get("spec") or {}
    message = str(scheduled.get("message", ""))
    if not spec.get("nodeName") and (not message or "persistentvolumeclaim" in message.lower()):
        yield from claim_causes(_claims(pod), observed)
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        missing = re.search('persistentvolumeclaim "[^"]*" not found', message)
        grace = SHORTLY if missing or (nodes is not None and fits_no_node(pod, nodes)) else NEVER
        yield Cause(ref, "Unschedulable", message, grace)
    if scheduled.get("reason") == "SchedulingGated":
        gates = ", ".join(str(gate.get("name")) for gate in spec.get("schedulingGates") or ())
        yield Cause(ref, "SchedulingGated", f"blocked by scheduling gates: {gates}", NEVER)
    scheduler = spec.get("schedulerName") or "default-scheduler"
    if scheduler != "default-scheduler" and not scheduled and not spec.get("nodeName"):
        yield Cause(ref, "NoScheduler", f"no scheduler named {scheduler} has picked it up", NEVER)


def _claims(pod: Manifest) -> list[ObjectRef]:
    """The PersistentVolumeClaims that the pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    names = [str(volume["persistentVolumeClaim"]["claimName"]) for volume in volumes if volume.get("persistentVolumeClaim")]
    return [ObjectRef("PersistentVolumeClaim", ObjectRef.of(pod).namespace, name) for name in names]


def _of_container(ref: ObjectRef, container: dict[str, Any]) -> Cause | None:
    name, state = str(container["name"]), container.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}:
        proof = f"container {name}, image {container.get('image')}: {message}"
        return Cause(ref, reason, proof, _patience(reason, message))
    if ended.get("reason") == "OOMKilled":
        return Cause(ref, "OOMKilled", f"container {name} exceeded its memory limit", container=name, previous="terminated" not in state)
    if ended.get("reason") in {"StartError", "ContainerCannotRun"}:
        return Cause(ref, str(ended["reason"]), f"container {name} failed to start: {ended.get('message', '')}")
    restarts, ends_now = int(container.get("restartCount", 0)), (state.get("terminated") or {}).get("exitCode", 0) != 0
    if reason == "CrashLoopBackOff" or (restarts and ends_now):  # its state can be `terminated` for most of the time between restarts
        proof = f"container {name} keeps exiting, last exit code {ended.get('exitCode', 'unknown')}, {restarts} restarts"
        return Cause(ref, "CrashLoopBackOff", proof, container=name, previous=not ends_now, restarts=restarts)
    if reason in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
        return Cause(ref, reason, f"container {name}: {message}", SHORTLY)
    return None


def _from_events(ref: ObjectRef, events: Sequence[Manifest], started: bool) -> Iterator[Cause]:  # noqa: FBT001 - private, and named
    """Yield the kubelet's latest reports on mounts, sandboxes and probes."""
    for reason, lasting in _KUBELET_EVENTS.items():
        last = next((event for event in reversed(events) if event.get("reason") == reason), None)
        if last is not None and (reason == "Unhealthy") == started:
            message = str(last.get("message", ""))
            grace = SHORTLY if lasting and re.search(lasting, message) else NEVER
            yield Cause(ref, "ProbeFailed" if reason == "Unhealthy" else reason, message, grace)


def _started(status: dict[str, Any]) -> bool:
    return any("running" in (container.get("state") or {}) for container in status.get("containerStatuses") or ())


def _patience(reason: str, message: str) -> float:
    """Return how long a failed pull can still recover: 0 if the registry or runtime reported that the image does not exist."""
    said = "not found|does not exist|manifest unknown|unauthorized|authentication required|denied|invalid reference|forbidden|no match for"
    if reason in {"InvalidImageName", "ErrImageNeverPull"} or re.search(said, message, re.IGNORECASE):
        return AT_ONCE
    return SHORTLY if re.search("no such host|connection refused|unreachable", message) else RETRIED_ONCE


def _fits(spec: Mapping[str, Any], node: Manifest) -> bool:
    return _is_large_enough(spec, node) and _is_selected(spec, node) and _is_tolerated(spec, node)


def _is_large_enough(spec: Mapping[str, Any], node: Manifest) -> bool:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    return all(wanted <= _amount(allocatable.get(name, "0")) for name, wanted in _requests(spec).items())


def _requests(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """The sum of the containers' requests, or the largest init container's if that is greater."""
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        for name, amount in _wanted(container).items():
            total[name] = total.get(name, Decimal()) + amount
    for container in spec.get("initContainers") or ():
        for name, amount in _wanted(container).items():
            total[name] = max(total.get(name, Decimal()), amount)
    return total


def _wanted(container: Mapping[str, Any]) -> dict[str, Decimal]:
    requests = (container.get("resources") or {}).get("requests") or {}
    return {name: _amount(amount) for name, amount in requests.items()}


def _amount(text: object) -> Decimal:
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
    lasting = (taint for taint in taints if taint["effect"] != "PreferNoSchedule" and not taint["key"].startswith("node.kubernetes.io/"))
    return all(any(_tolerates(item, taint) for item in spec.get("tolerations") or ()) for taint in lasting)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))
