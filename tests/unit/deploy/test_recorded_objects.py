"""What a real cluster (Kubernetes 1.37.2) reported for each fault, and the cause derived from it.

Each fixture has the Deployment or Job, its ReplicaSet, one of its pods and the events, as returned by the API server
at the end of the wait.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kindgate.deploy.diagnosis.cause import NO_GRACE, SHORT_GRACE, UNLIMITED_GRACE, CauseKind, ranked
from kindgate.deploy.diagnosis.cluster import cluster_causes
from kindgate.deploy.diagnosis.workloads import workload_causes
from kindgate.deploy.snapshot import Snapshot
from kindgate.deploy.status import object_readiness
from kindgate.waiting import Pending, PermanentFailure

API_VERSIONS = {"Deployment": "apps/v1", "Job": "batch/v1"}
FIXTURES = Path(__file__).parent / "fixtures"
NODE = {
    "metadata": {"name": "worker", "labels": {"kubernetes.io/os": "linux"}},
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "memory": "24Gi"}},
}


def recorded(name: str) -> tuple[dict[str, Any], Snapshot]:
    """Return the workload of a fixture and a snapshot of all its objects."""
    objects = json.loads((FIXTURES / f"{name}.json").read_text())
    workload = next(item for item in objects if item["kind"] in {"Deployment", "Job"})
    return {"apiVersion": API_VERSIONS[workload["kind"]], **workload}, Snapshot(objects)


@pytest.mark.parametrize(
    ("name", "kind", "reason", "grace", "message"),
    [
        ("image", CauseKind.IMAGE_PULL, "ErrImagePull", SHORT_GRACE, 'failed to resolve reference "docker.io/hashicorp/http-ecoh:1.0"'),
        ("crash", CauseKind.CRASH_LOOP, "CrashLoopBackOff", NO_GRACE, "last exit code 2"),
        ("oom", CauseKind.OUT_OF_MEMORY, "OOMKilled", NO_GRACE, "container web exceeded its memory limit"),
        ("quota", CauseKind.QUOTA, "QuotaExceeded", SHORT_GRACE, "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"),
        ("big", CauseKind.SCHEDULING, "Unschedulable", SHORT_GRACE, "2 Insufficient cpu"),
        ("select", CauseKind.SCHEDULING, "Unschedulable", SHORT_GRACE, "didn't match Pod's node affinity/selector"),
        ("mount", CauseKind.MOUNT, "FailedMount", SHORT_GRACE, 'configmap "nope" not found'),
        ("secret", CauseKind.MISSING_VALUES, "CreateContainerConfigError", SHORT_GRACE, 'secret "nope" not found'),
        ("command", CauseKind.START, "StartError", NO_GRACE, 'exec: "/nope": stat /nope: no such file or directory'),
        ("psa", CauseKind.ADMISSION, "AdmissionDenied", NO_GRACE, 'violates PodSecurity "restricted:latest"'),
        ("probe", CauseKind.PROBE, "ProbeFailed", UNLIMITED_GRACE, "Readiness probe failed: Get"),
    ],
)
def test_the_root_cause_is_derived_from_recorded_objects(name: str, kind: CauseKind, reason: str, grace: float, message: str) -> None:
    """The first cause is the root cause, and its message quotes the component that detected it."""
    workload, observed = recorded(name)
    first = workload_causes(workload, observed, [NODE])[0]
    assert (first.kind, first.reason, first.grace) == (kind, reason, grace)
    assert message in first.message
    assert isinstance(object_readiness(workload, observed), Pending)


@pytest.mark.parametrize("name", [path.stem for path in sorted(FIXTURES.glob("*.json")) if path.stem != "job"])
def test_a_bundle_names_the_same_cause_as_the_error(name: str) -> None:
    """Readiness and failure bundles read one cluster, so neither may blame something else."""
    workload, observed = recorded(name)
    pods, events = observed.of_kind("Pod"), observed.of_kind("Event")
    assert ranked(cluster_causes(pods, events, []))[0].kind is workload_causes(workload, observed, [NODE])[0].kind


def test_a_recorded_failed_job_reports_its_failure() -> None:
    """The Job's own condition ends the wait."""
    workload, observed = recorded("job")
    assert object_readiness(workload, observed) == PermanentFailure("BackoffLimitExceeded: Job has reached the specified backoff limit")
