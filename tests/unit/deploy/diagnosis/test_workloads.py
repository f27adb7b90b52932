"""The root cause of an unready workload, and how long it may still pass."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.diagnosis.cause import (
    NO_GRACE,
    PULL_RETRY_GRACE,
    SHORT_GRACE,
    UNLIMITED_GRACE,
    VOLUME_BINDING_GRACE,
    CauseKind,
)
from kindgate.deploy.diagnosis.workloads import workload_causes
from kindgate.deploy.snapshot import Snapshot
from tests.unit.deploy.objects import event, live_deployment, live_pod, live_replicaset, manifest, waiting

Object = dict[str, Any]
SMALL_NODE = {"metadata": {"labels": {}}, "spec": {}, "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}}}


def causes_found(*objects: Object, workload: Object | None = None, nodes: list[Object] | None = None) -> list[tuple[str, float]]:
    """Return reason and grace period of every cause found for shop/web."""
    live = workload or live_deployment(0)
    return [(cause.reason, cause.grace) for cause in workload_causes(live, Snapshot([live, live_replicaset(), *objects]), nodes)]


@pytest.mark.parametrize(
    ("reason", "message", "grace"),
    [
        ("ErrImagePull", "docker.io/example/web:1.0: not found", NO_GRACE),
        ("ErrImagePull", "unexpected status: 401 Unauthorized", NO_GRACE),
        ("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: pull access denied', NO_GRACE),
        ("InvalidImageName", "couldn't parse image reference", NO_GRACE),
        ("ErrImageNeverPull", "Container image is not present with pull policy of Never", NO_GRACE),
        ("ErrImagePull", "dial tcp: lookup registry.example: no such host", SHORT_GRACE),
        ("ErrImagePull", "dial tcp: lookup registry.example: i/o timeout", PULL_RETRY_GRACE),
        ("ImagePullBackOff", "unexpected status: 503 Service Unavailable", PULL_RETRY_GRACE),
    ],
)
def test_a_registrys_rejection_is_final_but_a_network_error_is_not(reason: str, message: str, grace: float) -> None:
    """A failure that the kubelet can overcome by retrying gets one more try."""
    assert causes_found(live_pod(**waiting(reason, message))) == [(reason, grace)]


def test_an_oom_kill_explains_a_crash_loop() -> None:
    """The kernel's OOM kill explains more than the crash loop it leads to."""
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    assert causes_found(live_pod(**waiting("CrashLoopBackOff", lastState=ended))) == [("OOMKilled", NO_GRACE)]


@pytest.mark.parametrize("state", ["state", "lastState"])
def test_a_container_that_cannot_start_is_reported(state: str) -> None:
    """A misspelled command never becomes a running container."""
    status = waiting("CrashLoopBackOff")
    status["containerStatuses"][0] |= {state: {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}}}
    assert causes_found(live_pod(**status)) == [("StartError", NO_GRACE)]


@pytest.mark.parametrize(
    ("code", "restarts", "expected"),
    [(1, 1, [("CrashLoopBackOff", NO_GRACE)]), (139, 4, [("CrashLoopBackOff", NO_GRACE)]), (1, 0, []), (0, 1, [])],
)
def test_a_repeatedly_failing_container_counts_as_a_crash_loop(code: int, restarts: int, expected: list[tuple[str, float]]) -> None:
    """A restarted container that failed again counts before the kubelet reports a loop; a first failure or exit code 0 does not."""
    state = {"terminated": {"exitCode": code, "reason": "Error"}}
    status: Object = {"phase": "Running", "containerStatuses": [{"name": "web", "restartCount": restarts, "state": state}]}
    assert causes_found(live_pod(**status)) == expected


def test_a_missing_secret_has_a_short_grace() -> None:
    """A missing Secret gets a grace period: another controller might be about to write it."""
    assert causes_found(live_pod(**waiting("CreateContainerConfigError", 'secret "key" not found'))) == [
        ("CreateContainerConfigError", SHORT_GRACE)
    ]


def test_an_init_container_is_a_cause() -> None:
    """A failing init container is a cause too: the application's containers wait for it."""
    status = {"initContainerStatuses": waiting("CrashLoopBackOff")["containerStatuses"], **waiting("PodInitializing")}
    assert causes_found(live_pod(**status)) == [("CrashLoopBackOff", NO_GRACE)]


def unschedulable(**requests: str) -> Object:
    """A pod that the scheduler found no node for."""
    message = "0/1 nodes are available: 1 Insufficient cpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    pod = live_pod(phase="Pending", conditions=[condition])
    pod["spec"]["containers"][0]["resources"] = {"requests": requests}
    return pod


def test_a_pod_that_fits_no_node_fails_and_one_that_may_fit_waits() -> None:
    """A busy node can become free, but a small node never becomes large."""
    assert causes_found(unschedulable(cpu="64"), nodes=[SMALL_NODE]) == [("Unschedulable", SHORT_GRACE)]
    assert causes_found(unschedulable(cpu="2"), nodes=[SMALL_NODE]) == [("Unschedulable", UNLIMITED_GRACE)]
    assert causes_found(unschedulable(cpu="64")) == [("Unschedulable", UNLIMITED_GRACE)]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            'pods "web" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1',
            ("QuotaExceeded", SHORT_GRACE),
        ),
        ('pods "web" is forbidden: failed quota: q: must specify limits.cpu for: web', ("QuotaExceeded", SHORT_GRACE)),
        ('admission webhook "policy.example" denied the request: no', ("AdmissionDenied", NO_GRACE)),
        ('admission webhook "policy.example" denied the request: containers must specify limits', ("AdmissionDenied", NO_GRACE)),
        ("pods is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", ("AdmissionDenied", NO_GRACE)),
        ('pods "web" is forbidden: violates PodSecurity "restricted:latest": privileged', ("AdmissionDenied", NO_GRACE)),
        ('error looking up service account shop/default: serviceaccount "default" not found', ("FailedCreate", UNLIMITED_GRACE)),
        ('Internal error occurred: failed calling webhook "policy.example": connection refused', ("FailedCreate", UNLIMITED_GRACE)),
    ],
)
def test_the_reason_for_rejected_pods_is_reported(message: str, expected: tuple[str, float]) -> None:
    """The ReplicaSet's condition includes the API server's answer."""
    refused = live_replicaset(conditions=[{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}])
    live = live_deployment(0)
    assert [(cause.reason, cause.grace) for cause in workload_causes(live, Snapshot([live, refused]))] == [expected]


def test_a_jobs_events_show_rejected_pods() -> None:
    """Only Deployments report rejected pods in a condition; a Job's come from its events."""
    job = manifest("Job", "migrate", api_version="batch/v1", spec={}, status={})
    job["metadata"]["uid"] = "job-migrate"
    refusal = event("FailedCreate", "exceeded quota: small", name="migrate", kind="Job")
    assert causes_found(refusal, workload=job) == [("QuotaExceeded", SHORT_GRACE)]


def test_the_latest_mount_event_counts() -> None:
    """A missing ConfigMap is final after the grace period; a slow disk is not."""
    early = event("FailedMount", "MountVolume.SetUp failed: timed out waiting for the condition", at="2026-01-01T00:00:01Z")
    late = event("FailedMount", 'MountVolume.SetUp failed for volume "c": configmap "c" not found', at="2026-01-01T00:00:02Z")
    pod = live_pod(**waiting("ContainerCreating"))
    assert causes_found(pod, late, early) == [("FailedMount", SHORT_GRACE)]
    assert causes_found(pod, early) == [("FailedMount", UNLIMITED_GRACE)]


def test_a_pod_that_has_become_ready_has_no_cause() -> None:
    """Events from the start of a pod that is now ready are ignored."""
    ready = live_pod(phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    assert causes_found(ready, event("Unhealthy", "Readiness probe failed"), event("FailedMount", "not found")) == []


def test_pods_of_an_earlier_revision_are_ignored() -> None:
    """A rollout that fixes a crash loop does not fail because of the pods it replaces."""
    old = live_pod("web-0-old", owner="replicaset-0", **waiting("CrashLoopBackOff"))
    assert causes_found(old, live_replicaset("0")) == []


def test_a_terminating_pod_is_ignored() -> None:
    """A terminating pod is ignored, because it is already being replaced."""
    terminating = live_pod(**waiting("CrashLoopBackOff"))
    terminating["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert causes_found(terminating) == []


def test_an_evicted_pod_is_named_but_not_final() -> None:
    """An evicted pod stays in the list while its replacement starts, which can still become ready."""
    evicted = live_pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    assert causes_found(evicted) == [("Evicted", UNLIMITED_GRACE)]


def test_an_unexplained_state_of_a_pod_is_shown() -> None:
    """A reason that kindgate does not know is evidence for the reader, not a cause."""
    live, rejected = live_deployment(0), live_pod(phase="Failed", reason="UnexpectedAdmissionError", message="Allocate failed")
    (cause,) = workload_causes(live, Snapshot([live, live_replicaset(), rejected]))
    assert str(cause) == "Pod shop/web-1-abcde: UnexpectedAdmissionError: Allocate failed"
    assert cause.kind is CauseKind.UNKNOWN


def test_an_incompletely_observed_rollout_has_no_cause() -> None:
    """The old ReplicaSet's pods do not count while the watch has not delivered the new one yet."""
    crashing = live_pod(**waiting("CrashLoopBackOff"))
    assert causes_found(crashing, workload=live_deployment(0, revision="2")) == []
    assert causes_found(crashing, workload=live_deployment(0, generation=2, observed=1)) == []


def test_a_cause_is_formatted_on_one_line() -> None:
    """A cause is formatted as object, reason and proof on one line."""
    live = live_deployment(0)
    pod = live_pod(**waiting("ErrImagePull", "not found"))
    (cause,) = workload_causes(live, Snapshot([live, live_replicaset(), pod]))
    assert str(cause) == "Pod shop/web-1-abcde: ErrImagePull: container web, image example/web:1.0: not found"


def pod_with(conditions: list[Object], **spec: Any) -> Object:
    """A pending pod with these conditions."""
    pod = live_pod(phase="Pending", conditions=conditions)
    pod["spec"] |= spec
    return pod


def test_a_jobs_container_restarts_are_not_final() -> None:
    """A migration that crashes until its database is up is not a failure; the Job itself reports when it gives up."""
    job = manifest("Job", "migrate", api_version="batch/v1", spec={}, status={})
    job["metadata"]["uid"] = "job-migrate"
    assert causes_found(live_pod(owner="job-migrate", **waiting("CrashLoopBackOff")), workload=job) == [
        ("CrashLoopBackOff", UNLIMITED_GRACE)
    ]


@pytest.mark.parametrize(
    ("message", "grace"),
    [
        ('pods "web" is forbidden: maximum cpu usage per Container is 500m, but limit is 1', SHORT_GRACE),
        ('pods "web" is forbidden: no PriorityClass with name high was found', SHORT_GRACE),
        ('pods "web" is forbidden: pod rejected: RuntimeClass "gvisor" not found', SHORT_GRACE),
        ('Pod "web" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than limit', SHORT_GRACE),
        ('pods "web" is forbidden: error looking up service account shop/web: serviceaccount "web" not found', SHORT_GRACE),
        ('pods "web" is forbidden: error looking up service account shop/web: serviceaccount "default" not found', UNLIMITED_GRACE),
        ("etcdserver: request timed out", UNLIMITED_GRACE),
    ],
)
def test_pods_that_cannot_be_created_are_final(message: str, grace: float) -> None:
    """Pods rejected because of their own specification end the wait; pods rejected because of a temporary condition do not."""
    refused = live_replicaset(conditions=[{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}])
    assert [(cause.reason, cause.grace) for cause in workload_causes(live_deployment(0), Snapshot([live_deployment(0), refused]))] == [
        ("FailedCreate", grace)
    ]


@pytest.mark.parametrize("kind", ["ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet"])
def test_every_workload_kind_reports_rejected_pods(kind: str) -> None:
    """Every kind of workload reports why its pods are rejected, by a condition or by an event."""
    live = manifest(kind, "web", api_version="apps/v1", spec={}, status={})
    live["metadata"]["uid"] = "web"
    assert causes_found(event("FailedCreate", "exceeded quota: small", name="web", kind=kind), workload=live) == [
        ("QuotaExceeded", SHORT_GRACE)
    ]


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (
            pod_with([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}], schedulingGates=[{"name": "g"}]),
            "SchedulingGated",
        ),
        (pod_with([], schedulerName="volcano"), "NoScheduler"),
        (pod_with([{"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": "x"}]), "ReadinessGatesNotReady"),
    ],
    ids=["gated", "another scheduler", "readiness gate"],
)
def test_a_pod_waiting_for_another_controller_is_reported(pod: Object, reason: str) -> None:
    """Only the deadline ends the wait, because the controller might still be starting."""
    assert causes_found(pod) == [(reason, UNLIMITED_GRACE)]


def test_a_pod_without_a_volume_shows_the_claims_cause() -> None:
    """The claim explains why it has no volume; the scheduler only reports it as unbound."""
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    pod = pod_with(
        [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}],
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    )
    missing = event("ProvisioningFailed", 'storageclass "fast" not found', name="data", kind="PersistentVolumeClaim")
    none = event("FailedBinding", "no persistent volumes available", name="data", kind="PersistentVolumeClaim")
    assert causes_found(pod, missing) == [("ProvisioningFailed", SHORT_GRACE), ("Unschedulable", UNLIMITED_GRACE)]
    assert causes_found(pod, none) == [("FailedBinding", VOLUME_BINDING_GRACE), ("Unschedulable", UNLIMITED_GRACE)]

    pod["status"]["conditions"][0]["message"] = "0/1 nodes are available: 1 Insufficient cpu."
    assert causes_found(pod, missing) == [("Unschedulable", UNLIMITED_GRACE)]


def test_a_pod_that_waits_for_a_provisioner_shows_its_name() -> None:
    """Once a node is chosen the scheduler reports nothing until the volume exists, so the provisioner is named."""
    pod = pod_with([], volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    waits = event("ExternalProvisioning", "Waiting for 'ebs.csi.aws.com' to create a volume", name="data", kind="PersistentVolumeClaim")
    assert causes_found(pod, waits) == [("ExternalProvisioning", UNLIMITED_GRACE)]
    pod["spec"]["nodeName"] = "worker"
    assert causes_found(pod, waits) == []


def test_a_missing_claim_is_final() -> None:
    """All objects were applied before, so a claim that is missing now will not appear."""
    message = '0/1 nodes are available: persistentvolumeclaim "data" not found.'
    pod = pod_with([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}])
    assert causes_found(pod) == [("Unschedulable", SHORT_GRACE)]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap references non-existent config key: nope'),
        ("FailedMount", 'MountVolume.SetUp failed for volume "c" : hostPath type check failed: /data is not a directory'),
        ("FailedCreatePodSandBox", 'failed to create pod sandbox: no runtime for "gvisor" is configured'),
    ],
)
def test_objects_missing_for_the_kubelet_are_final(reason: str, message: str) -> None:
    """A missing key, folder or runtime does not appear later."""
    assert causes_found(live_pod(**waiting("ContainerCreating")), event(reason, message)) == [(reason, SHORT_GRACE)]


def stateful(**spec: Any) -> Object:
    """The StatefulSet shop/db during its update from revision a to b."""
    item = manifest("StatefulSet", "db", api_version="apps/v1", spec={"replicas": 1, **spec})
    item["metadata"] |= {"uid": "db", "generation": 2}
    return {**item, "status": {"observedGeneration": 2, "currentRevision": "a", "updateRevision": "b"}}


def crashing_pod(revision: str) -> Object:
    """A pod of the StatefulSet that does not start."""
    pod = live_pod("db-0", owner="db", **waiting("CrashLoopBackOff"))
    pod["metadata"]["labels"] = {"controller-revision-hash": revision}
    return pod


def test_a_statefulset_blocked_by_a_broken_pod_is_reported() -> None:
    """A StatefulSet replaces the old revision's pod only while it is ready, and a crashing pod is ready only briefly after each start."""
    assert causes_found(crashing_pod("a"), workload=stateful()) == [("OldPodStuck", UNLIMITED_GRACE)]
    assert causes_found(crashing_pod("a"), workload=stateful(podManagementPolicy="Parallel")) == []
    assert causes_found(crashing_pod("b"), workload=stateful()) == [("CrashLoopBackOff", NO_GRACE)]


@pytest.mark.parametrize("strategy", [{"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}])
def test_intentionally_kept_pods_are_checked(strategy: Object) -> None:
    """Pods that a rollout keeps on purpose are checked, because the application runs on them."""
    assert causes_found(crashing_pod("a"), workload=stateful(updateStrategy=strategy)) == [("CrashLoopBackOff", NO_GRACE)]
