"""Why a workload does not become ready: causes from its pods, their owners, events and nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kindgate.deploy.diagnosis.cause import NO_GRACE, SHORT_GRACE, UNLIMITED_GRACE, Cause, CauseKind
from kindgate.deploy.diagnosis.messages import ADMISSION_DENIED, QUOTA_EXCEEDED, WEBHOOK_FAILED, kind_of_event
from kindgate.deploy.diagnosis.pods import pod_causes
from kindgate.deploy.snapshot import Snapshot, is_up_to_date, keeps_old_pods
from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import condition


def workload_causes(workload: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None = None) -> list[Cause]:
    """Return what is wrong with a live workload, the strongest evidence first; empty if nothing is, or nothing is known yet.

    `nodes` are the cluster's nodes, if readable: without them, no pod can be proven unschedulable. Only pods of the
    current revision count, so a pod that a rollout replaces fails no run.
    """
    if not is_up_to_date(workload):
        return []
    causes = [cause for pod in snapshot.pods(workload) for cause in pod_causes(pod, snapshot, nodes)]
    if workload["kind"] == "Job":  # a Job's own limit decides how often its containers may fail
        causes = [replace(cause, grace=UNLIMITED_GRACE) if cause.reason == "CrashLoopBackOff" else cause for cause in causes]
        causes += _failed_pod_causes(workload)
    causes += _creation_causes(workload, snapshot)
    causes += _stuck_pod_causes(workload, snapshot, nodes)
    return sorted(causes, key=lambda cause: cause.grace)


def _failed_pod_causes(job: Manifest) -> Iterator[Cause]:
    """Yield a cause if pods of a Job failed. Others might succeed: the Job reports when it gives up."""
    failed = (job.get("status") or {}).get("failed", 0)
    if failed:
        yield Cause(CauseKind.UNKNOWN, ObjectRef.of(job), "PodsFailed", f"{failed} of its pods failed so far")


def _stuck_pod_causes(workload: Manifest, snapshot: Snapshot, nodes: Sequence[Manifest] | None) -> Iterator[Cause]:
    """Yield broken pods that a StatefulSet waits for before it replaces them (kubernetes/kubernetes#67250)."""
    spec = workload.get("spec") or {}
    if workload["kind"] != "StatefulSet" or spec.get("podManagementPolicy") == "Parallel" or keeps_old_pods(workload):
        return
    current = {ObjectRef.of(pod) for pod in snapshot.pods(workload)}
    for pod in snapshot.pods_of_all_revisions(workload):
        cause = next(pod_causes(pod, snapshot, nodes), None) if ObjectRef.of(pod) not in current else None
        if cause is not None:
            message = (
                f"the StatefulSet does not replace this pod of the previous revision until it is ready: {cause.reason}: {cause.message}"
            )
            # without a readiness probe it is briefly ready at each start, and is then replaced
            yield replace(cause, reason="OldPodStuck", message=message, grace=UNLIMITED_GRACE, restarts=None)


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
            reason, grace = _rejection(message)
            yield Cause(kind_of_event("FailedCreate", message), ref, reason, message, grace)


def _rejection(message: str) -> tuple[str, float]:
    """Return the reason for the API server's rejection of a pod, and its grace."""
    if ADMISSION_DENIED.search(message):
        return "AdmissionDenied", NO_GRACE
    if QUOTA_EXCEEDED.search(message):
        return "QuotaExceeded", SHORT_GRACE
    if "error looking up service account" in message:
        is_default_account = 'serviceaccount "default" not found' in message
        return "FailedCreate", UNLIMITED_GRACE if is_default_account else SHORT_GRACE
    is_rejected = re.search("is forbidden|is invalid", message) and not WEBHOOK_FAILED.search(message)
    return "FailedCreate", SHORT_GRACE if is_rejected else UNLIMITED_GRACE
