"""What a real cluster (Kubernetes 1.37.2) reported for each fault, and the cause derived from it.

Each fixture has the Deployment or Job, its ReplicaSet, one of its pods and the events, as returned by the API server
at the end of the wait.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kindgate.deploy.diagnosis import NO_GRACE, SHORT_GRACE, UNLIMITED_GRACE, causes
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
    ("name", "reason", "grace", "proof"),
    [
        ("image", "ErrImagePull", SHORT_GRACE, 'failed to resolve reference "docker.io/hashicorp/http-ecoh:1.0"'),
        ("crash", "CrashLoopBackOff", NO_GRACE, "last exit code 2"),
        ("oom", "OOMKilled", NO_GRACE, "container web exceeded its memory limit"),
        ("quota", "QuotaExceeded", SHORT_GRACE, "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"),
        ("big", "Unschedulable", SHORT_GRACE, "2 Insufficient cpu"),
        ("select", "Unschedulable", SHORT_GRACE, "didn't match Pod's node affinity/selector"),
        ("mount", "FailedMount", SHORT_GRACE, 'configmap "nope" not found'),
        ("secret", "CreateContainerConfigError", SHORT_GRACE, 'secret "nope" not found'),
        ("command", "StartError", NO_GRACE, 'exec: "/nope": stat /nope: no such file or directory'),
        ("psa", "AdmissionDenied", NO_GRACE, 'violates PodSecurity "restricted:latest"'),
        ("probe", "ProbeFailed", UNLIMITED_GRACE, "Readiness probe failed: Get"),
    ],
)
def test_the_root_cause_is_derived_from_recorded_objects(name: str, reason: str, grace: float, proof: str) -> None:
    """The first cause is the root cause, and its proof quotes the component that detected it."""
    workload, observed = recorded(name)
    first = causes(workload, observed, [NODE])[0]
    assert (first.reason, first.grace) == (reason, grace)
    assert proof in first.proof
    assert isinstance(object_readiness(workload, observed), Pending)


def test_a_recorded_failed_job_reports_its_failure() -> None:
    """The Job's own condition ends the wait."""
    workload, observed = recorded("job")
    assert object_readiness(workload, observed) == PermanentFailure("BackoffLimitExceeded: Job has reached the specified backoff limit")
