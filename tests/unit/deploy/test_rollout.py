"""When an object is ready, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.observed import Observed
from kindgate.deploy.rollout import progress
from kindgate.waiting import Hopeless, Pending, Ready
from tests.unit.deploy.objects import deployment, live_deployment, live_pod, live_replicaset, manifest, service


def judged(wanted: dict[str, Any], *live: dict[str, Any]) -> object:
    """What `progress` says about `wanted` in a cluster that holds `live`."""
    return progress(wanted, Observed(live))


def test_a_deployment_is_ready_when_all_its_pods_are_available() -> None:
    """One of two is not enough, and is said so."""
    assert judged(deployment(), live_deployment(2)) == Ready(None)
    assert judged(deployment(), live_deployment(1)) == Pending("1 of 2 available")


def test_a_status_about_an_older_specification_says_nothing() -> None:
    """Right after an apply the old status still claims readiness."""
    assert judged(deployment(), live_deployment(2, generation=2, observed=1)) == Pending("its controller has not looked at it yet")


def test_a_deployment_is_not_ready_while_pods_of_the_old_revision_are_there() -> None:
    """Requests could still be answered by what is being replaced."""
    live = live_deployment(2)
    live["status"] |= {"replicas": 3, "updatedReplicas": 2}
    assert judged(deployment(), live) == Pending("1 pods of the revision before are still there")


def test_a_deployment_is_not_ready_while_replaced_pods_are_on_their_way_out() -> None:
    """They are in no status any more, and the ingress may not have heard of it: requests to them are lost or get the old answer."""
    leaving = live_pod("web-1-old", owner="replicaset-1")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = (live_deployment(2, revision="2"), live_replicaset("1"), live_replicaset("2"))

    assert judged(deployment(), *cluster, leaving) == Pending("1 pods that were replaced are still on their way out")
    assert judged(deployment(), *cluster, live_pod("web-2-new", owner="replicaset-2")) == Ready(None)


def test_a_deployment_that_gave_up_is_hopeless() -> None:
    """Kubernetes' own progress deadline has passed."""
    live = live_deployment(0)
    live["status"]["conditions"] = [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    ]
    assert judged(deployment(), live) == Hopeless("timed out")


def test_what_was_not_seen_yet_is_pending() -> None:
    """An apply may be faster than the watch."""
    assert judged(deployment()) == Pending("not seen yet")


def test_a_service_waits_for_an_address() -> None:
    """Pods may be ready before the ingress can know of them; without a selector there is none to wait for."""
    live = service()
    slices = manifest("EndpointSlice", "web-x", api_version="discovery.k8s.io/v1", endpoints=[{"conditions": {"ready": False}}])
    slices["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
    assert judged(service(), live, slices) == Pending("no ready address behind it")
    slices["endpoints"] = [{"conditions": {"ready": True}}]
    assert judged(service(), live, slices) == Ready(None)
    assert judged(service(), {**live, "spec": {"ports": []}}) == Ready(None)


def job(*conditions: dict[str, str], **spec: Any) -> dict[str, Any]:
    """The Job shop/migrate."""
    item = manifest("Job", "migrate", api_version="batch/v1", spec=spec, status={"active": 1, "conditions": list(conditions)})
    item["metadata"] |= {"uid": "job-migrate", "generation": 1}
    return item


def test_a_job_is_ready_when_complete_and_hopeless_when_failed() -> None:
    """A Job that runs is waited for; one that failed fails at once."""
    assert judged(job(), job()) == Pending("1 pods are at work")
    assert judged(job(), job({"type": "Complete", "status": "True"})) == Ready(None)
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too many failures"}
    assert judged(job(), job(failed)) == Hopeless("BackoffLimitExceeded: too many failures")


def workload(kind: str, spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    """A live workload whose status is about its present specification."""
    item = manifest(kind, "web", api_version="apps/v1", spec=spec, status={"observedGeneration": 1, **status})
    item["metadata"] |= {"generation": 1, "uid": kind}
    return item


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (
            workload("StatefulSet", {"replicas": 2}, updateRevision="b", currentRevision="a", updatedReplicas=1, readyReplicas=2),
            "1 of 2 updated",
        ),
        (workload("StatefulSet", {"replicas": 2}, updateRevision="a", currentRevision="a", readyReplicas=1), "1 of 2 ready"),
        (workload("StatefulSet", {"replicas": 2}, updateRevision="a", currentRevision="a", readyReplicas=2), ""),
        (workload("DaemonSet", {}, desiredNumberScheduled=3, updatedNumberScheduled=1, numberAvailable=3), "1 of 3 available"),
        (workload("DaemonSet", {}, desiredNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=3), ""),
        (manifest("Pod", "web", spec={}, status={"phase": "Running"}), "the pod is Running, and not ready"),
        (manifest("Pod", "web", spec={}, status={"conditions": [{"type": "Ready", "status": "True"}]}), ""),
        (manifest("Pod", "web", spec={}, status={"phase": "Succeeded"}), ""),
        (manifest("PodDisruptionBudget", "web", status={"currentHealthy": 0, "desiredHealthy": 1}), "0 of 1 healthy"),
        (manifest("CustomResourceDefinition", "web"), "not Established yet: no word from its controller"),
        (manifest("APIService", "web", status={"conditions": [{"type": "Available", "status": "True"}]}), ""),
        (manifest("ConfigMap", "web"), ""),
    ],
)
def test_every_kind_has_its_own_rule(live: dict[str, Any], expected: str) -> None:
    """An empty expectation means ready."""
    assert judged(live, live) == (Pending(expected) if expected else Ready(None))
