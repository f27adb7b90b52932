"""Readiness of applied objects: one rule per kind, following `kubectl rollout status` and Helm.

A Service is ready with an address, or if none can be expected. A Job is ready once done, even if Kubernetes deletes it as
soon as it finishes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kindgate.deploy.snapshot import Snapshot, is_up_to_date, partition
from kindgate.model import Manifest, ObjectRef, kind_of
from kindgate.object_status import condition, is_true
from kindgate.waiting import Pending, PermanentFailure, Ready

Readiness = Ready[None] | Pending | PermanentFailure
"""Whether an object is ready, may become ready, or cannot."""

_READY: Readiness = Ready(None)
NOT_SEEN = "not seen yet"

_LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")
"""Workloads that keep pods running. Pods of Jobs and CronJobs come and go, so a Service cannot wait for them."""

_WAITING_FOR_A_POD = frozenset({"WaitForFirstConsumer", "WaitForPodScheduled"})
"""Events of a claim whose storage class binds it only when a pod uses it."""

_COMPLETED = "Completed"

_FAILED = frozenset({"BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "FailedIndexes", "MaxFailedIndexesExceeded"})
"""The reasons in the Job controller's final event."""


def object_readiness(manifest: Manifest, snapshot: Snapshot) -> Readiness:
    """Return the readiness of the object that `manifest` describes.

    An object without a rule is ready once applied, even if it shares its kind's name with one that has a rule.
    """
    rule = _RULES.get(kind_of(manifest))
    if rule is None:
        return _READY
    ref = ObjectRef.of(manifest)
    live = snapshot.get(ref)
    if live is None:
        return finished_job(ref, snapshot) or Pending(NOT_SEEN)
    if not is_up_to_date(live):
        return Pending("its controller has not processed it yet")
    return rule(live, snapshot)


def has_ready_address(service: Manifest, snapshot: Snapshot) -> bool:
    """Return whether requests to the Service reach a ready pod."""
    return any((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in snapshot.endpoints(ObjectRef.of(service)))


def awaits_address(service: Manifest, snapshot: Snapshot) -> bool:
    """Return whether a pod behind the Service can be expected.

    None can if the Service has no selector or an external name, or selects only workloads without replicas or pods of
    Jobs. Pods of other owners (an operator) count once they exist.
    """
    selector = service["spec"].get("selector") or {}
    if not selector or service["spec"].get("type") == "ExternalName":
        return False
    ref = ObjectRef.of(service)
    if any(not _is_job_pod(endpoint, ref.namespace, snapshot) for endpoint in snapshot.endpoints(ref)):
        return True
    workloads = (item for kind in _LONG_RUNNING for item in snapshot.of_kind(kind) if ObjectRef.of(item).namespace == ref.namespace)
    if any(_selects(selector, _template_labels(item)) and _desired_pods(item, snapshot) for item in workloads):
        return True
    pods = (pod for pod in snapshot.of_kind("Pod") if ObjectRef.of(pod).namespace == ref.namespace)
    return any(_selects(selector, pod["metadata"].get("labels") or {}) and _is_running_without_owner(pod) for pod in pods)


def job_readiness(live: Manifest) -> Readiness:
    """Return a Job's readiness: ready if complete or suspended, a permanent failure if Kubernetes has given up."""
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return PermanentFailure(f"{failed.get('reason')}: {failed.get('message')}")
    if is_true(live, "Complete") or live["spec"].get("suspend"):
        return Ready(None)
    return Pending(f"{(live.get('status') or {}).get('active', 0)} pods are running")


def finished_job(ref: ObjectRef, snapshot: Snapshot) -> Ready[None] | PermanentFailure | None:
    """Return the outcome of a deleted Job (`ttlSecondsAfterFinished`); None if nothing proves it, and for other kinds.

    The proof is its last observed state, or the events that outlive it. Only events of the Job with the newest event
    count, because an earlier Job of the same name left events too.
    """
    if ref.kind != "Job":
        return None
    deleted_job = snapshot.deleted(ref)
    result = job_readiness(deleted_job) if deleted_job is not None and not deleted_job["spec"].get("suspend") else None
    if result is not None and not isinstance(result, Pending):
        return result
    events = snapshot.events(ref)
    newest = _job_of(events[-1]) if events else ""
    for event in reversed(events):
        if _job_of(event) == newest and event.get("reason") == _COMPLETED:
            return Ready(None)
        if _job_of(event) == newest and event.get("reason") in _FAILED:
            return PermanentFailure(f"{event['reason']}: {event.get('message')}")
    return None


def _deployment(live: Manifest, snapshot: Snapshot) -> Readiness:
    status, desired = _status(live), _replicas(live)
    if live["spec"].get("paused"):
        # a paused rollout does not update pods, and without a ReplicaSet it creates none
        started = status.get("replicas") or snapshot.replicasets(live)
        return _pods_readiness(live, snapshot, status.get("availableReplicas", 0), "available") if started else _READY
    failing = condition(live, "Progressing")
    if failing.get("reason") == "ProgressDeadlineExceeded":
        return PermanentFailure(str(failing.get("message")))
    old = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    if old > 0:
        return Pending(f"{old} pods of the previous revision still exist")
    if status.get("updatedReplicas", 0) > desired:
        return Pending(f"{status['updatedReplicas'] - desired} pods more than the desired {desired} still exist")
    return _pods_readiness(live, snapshot, status.get("availableReplicas", 0), "available")


def _stateful_set(live: Manifest, snapshot: Snapshot) -> Readiness:
    status, desired = _status(live), _replicas(live)
    rolls = (live["spec"].get("updateStrategy") or {}).get("type") != "OnDelete"
    to_update, updated = max(0, desired - partition(live)), status.get("updatedReplicas", 0)
    if rolls and status.get("updateRevision") != status.get("currentRevision") and updated < to_update:
        return Pending(f"{updated} of {to_update} updated")
    return _replicated(live, snapshot, "ready")


def _replica_set(live: Manifest, snapshot: Snapshot) -> Readiness:
    return _replicated(live, snapshot, "available")


def _replicated(live: Manifest, snapshot: Snapshot, state: str) -> Readiness:
    """Ready if the desired pods are, without surplus: pods that are being scaled down still answer requests."""
    status, desired = _status(live), _replicas(live)
    surplus = status.get("replicas", 0) - desired
    if surplus > 0:
        return Pending(f"{surplus} pods more than the desired {desired} still exist")
    return _pods_readiness(live, snapshot, status.get(f"{state}Replicas", 0), state)


def _daemon_set(live: Manifest, snapshot: Snapshot) -> Readiness:
    status = _status(live)
    available = status.get("numberAvailable", 0)
    if (live["spec"].get("updateStrategy") or {}).get("type") != "OnDelete":
        available = min(status.get("updatedNumberScheduled", 0), available)
    return _pods_readiness(live, snapshot, available, "available", status.get("desiredNumberScheduled", 0))


def _job(live: Manifest, _: Snapshot) -> Readiness:
    return job_readiness(live)


def _pod(live: Manifest, _: Snapshot) -> Readiness:
    phase = _status(live).get("phase", "Pending")
    if phase == "Succeeded" or is_true(live, "Ready"):
        return _READY
    if phase == "Failed":
        return PermanentFailure(f"the pod failed: {_status(live).get('reason', '')} {_status(live).get('message', '')}".strip())
    return Pending(f"the pod is {phase} but not ready")


def _service(live: Manifest, snapshot: Snapshot) -> Readiness:
    if has_ready_address(live, snapshot) or not awaits_address(live, snapshot):
        return _READY
    return Pending("it has no ready endpoint")


def _claim(live: Manifest, snapshot: Snapshot) -> Readiness:
    phase = _status(live).get("phase", "Pending")
    if phase == "Lost":
        return PermanentFailure("the volume that it was bound to no longer exists")
    # unbound forever without a pod; with one, the pod's own readiness counts
    reasons = {event.get("reason") for event in snapshot.events(ObjectRef.of(live))}
    return _READY if phase == "Bound" or reasons & _WAITING_FOR_A_POD else Pending("no volume is bound to it")


def _disruption_budget(live: Manifest, _: Snapshot) -> Readiness:
    status = _status(live)
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    # a budget can demand more pods than exist, and could never be met
    desired = min(desired, status.get("expectedPods", desired))
    return _READY if healthy >= desired else Pending(f"{healthy} of {desired} healthy")


def _custom_kind(live: Manifest, _: Snapshot) -> Readiness:
    names = condition(live, "NamesAccepted")
    return (
        PermanentFailure(f"its names were rejected: {names.get('message')}")
        if names.get("status") == "False"
        else _condition_readiness(live, "Established")
    )


def _api_service(live: Manifest, _: Snapshot) -> Readiness:
    return _condition_readiness(live, "Available")


def _condition_readiness(live: Manifest, kind: str) -> Readiness:
    live_condition = condition(live, kind)
    return (
        _READY
        if live_condition.get("status") == "True"
        else Pending(f"not {kind} yet: {live_condition.get('message', 'its controller has not reported')}")
    )


def _pods_readiness(live: Manifest, snapshot: Snapshot, actual: int, state: str, desired: int | None = None) -> Readiness:
    desired = _replicas(live) if desired is None else desired
    if actual < desired:
        return Pending(f"{actual} of {desired} {state}")
    terminating: Sequence[Manifest] = snapshot.terminating_pods(live)
    return Pending(f"{len(terminating)} replaced pods are still terminating") if terminating else _READY


def _status(live: Manifest) -> dict[str, Any]:
    return dict(live.get("status") or {})


def _replicas(live: Manifest) -> int:
    """The desired number of pods; an autoscaler sets it if the manifest omits it."""
    return int(live["spec"].get("replicas", 1))


def _selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def _template_labels(workload: Manifest) -> Mapping[str, str]:
    template = (workload.get("spec") or {}).get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}


def _desired_pods(workload: Manifest, snapshot: Snapshot) -> int:
    """The number of pods the workload keeps running, as far as its controller has reported."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    if workload["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled", 0))
    if spec.get("paused") and not status.get("replicas") and not snapshot.replicasets(workload):
        return 0
    return int(spec.get("replicas", 1))


def _is_running_without_owner(pod: Manifest) -> bool:
    """Return whether the pod has no owner and has not ended."""
    return not pod["metadata"].get("ownerReferences") and (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}


def _is_job_pod(endpoint: Mapping[str, object], namespace: str, snapshot: Snapshot) -> bool:
    target = endpoint.get("targetRef")
    name = str(target.get("name")) if isinstance(target, Mapping) else ""
    pod = snapshot.get(ObjectRef("Pod", namespace, name))
    owners = pod["metadata"].get("ownerReferences") or () if pod is not None else ()
    return any(owner["kind"] == "Job" and str(owner.get("apiVersion", "")).startswith("batch/") for owner in owners)


def _job_of(event: Manifest) -> str:
    return str((event.get("involvedObject") or {}).get("uid", ""))


WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Pod"})
"""Kinds (as in `kind_of`) whose pods can show why they are not ready."""

_RULES: Mapping[str, Callable[[Manifest, Snapshot], Readiness]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replica_set,
    "Job": _job,
    "Pod": _pod,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "PodDisruptionBudget": _disruption_budget,
    "CustomResourceDefinition": _custom_kind,
    "APIService": _api_service,
}

WAITED_FOR = frozenset(_RULES)
"""All kinds with a readiness rule; other objects are ready once applied."""
