"""Readiness rules by kind; a Service needs an address unless none is expected."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.snapshot import Snapshot
from kindgate.deploy.status import object_readiness
from kindgate.waiting import Pending, PermanentFailure, Ready
from tests.unit.deploy.objects import deployment, event, live_deployment, live_pod, live_replicaset, manifest, service


def progress_of(requested: dict[str, Any], *live: dict[str, Any]) -> object:
    """Return `progress` of `requested` in a cluster with the `live` objects."""
    return object_readiness(requested, Snapshot(live))


def test_a_deployment_is_ready_when_all_its_pods_are_available() -> None:
    """One available pod of two is not enough, and the state reports it."""
    assert progress_of(deployment(), live_deployment(2)) == Ready(None)
    assert progress_of(deployment(), live_deployment(1)) == Pending("1 of 2 available")


def test_a_status_of_an_older_generation_is_ignored() -> None:
    """After an apply, the old status still reports readiness until the controller has seen the new spec."""
    assert progress_of(deployment(), live_deployment(2, generation=2, observed=1)) == Pending("its controller has not processed it yet")


def test_a_deployment_is_not_ready_while_old_pods_exist() -> None:
    """Pods of the old revision could still answer requests."""
    live = live_deployment(2)
    live["status"] |= {"replicas": 3, "updatedReplicas": 2}
    assert progress_of(deployment(), live) == Pending("1 pods of the previous revision still exist")


def test_a_deployment_is_not_ready_while_replaced_pods_terminate() -> None:
    """Terminating pods are in no status, but the ingress might still route requests to them."""
    leaving = live_pod("web-1-old", owner="replicaset-1")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster = (live_deployment(2, revision="2"), live_replicaset("1"), live_replicaset("2"))

    assert progress_of(deployment(), *cluster, leaving) == Pending("1 replaced pods are still terminating")
    assert progress_of(deployment(), *cluster, live_pod("web-2-new", owner="replicaset-2")) == Ready(None)


def test_a_deployment_past_its_progress_deadline_is_final() -> None:
    """A Deployment past its own progress deadline has failed permanently."""
    live = live_deployment(0)
    live["status"]["conditions"] = [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    ]
    assert progress_of(deployment(), live) == PermanentFailure("timed out")


def test_an_unseen_object_is_pending() -> None:
    """An object that the watch has not delivered yet is pending."""
    assert progress_of(deployment()) == Pending("not seen yet")


def test_a_service_waits_for_an_address() -> None:
    """Pods can be ready before the ingress knows of them; without a selector there is no address to wait for."""
    live = service()
    slices = manifest("EndpointSlice", "web-x", api_version="discovery.k8s.io/v1", endpoints=[{"conditions": {"ready": False}}])
    slices["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
    assert progress_of(service(), live, slices) == Pending("it has no ready endpoint")
    slices["endpoints"] = [{"conditions": {"ready": True}}]
    assert progress_of(service(), live, slices) == Ready(None)
    assert progress_of(service(), {**live, "spec": {"ports": []}}) == Ready(None)


def workload(kind: str, spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    """A live workload whose status matches its current spec."""
    item = manifest(kind, "web", api_version="apps/v1", spec=spec, status={"observedGeneration": 1, **status})
    item["metadata"] |= {"generation": 1, "uid": kind}
    return item


def controller(desired: int, **status: Any) -> dict[str, Any]:
    """A live ReplicationController."""
    return {**workload("ReplicationController", {"replicas": desired}, **status), "apiVersion": "v1"}


def budget(**status: Any) -> dict[str, Any]:
    """A live PodDisruptionBudget."""
    return manifest("PodDisruptionBudget", "web", api_version="policy/v1", status=status)


def definition(*conditions: dict[str, str]) -> dict[str, Any]:
    """A live CustomResourceDefinition."""
    return manifest("CustomResourceDefinition", "web", api_version="apiextensions.k8s.io/v1", status={"conditions": list(conditions)})


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
        (manifest("Pod", "web", spec={}, status={"phase": "Running"}), "the pod is Running but not ready"),
        (manifest("Pod", "web", spec={}, status={"conditions": [{"type": "Ready", "status": "True"}]}), ""),
        (manifest("Pod", "web", spec={}, status={"phase": "Succeeded"}), ""),
        (workload("ReplicaSet", {"replicas": 2}, replicas=2, availableReplicas=1), "1 of 2 available"),
        (workload("ReplicaSet", {"replicas": 2}, replicas=2, availableReplicas=2), ""),
        (controller(2, replicas=2, readyReplicas=2, availableReplicas=1), "1 of 2 available"),
        (controller(2, replicas=2, availableReplicas=2), ""),
        (budget(currentHealthy=0, desiredHealthy=1, expectedPods=1), "0 of 1 healthy"),
        (budget(currentHealthy=2, desiredHealthy=3, expectedPods=2), ""),
        (definition(), "not Established yet: its controller has not reported"),
        (definition({"type": "Established", "status": "True"}), ""),
        (
            manifest(
                "APIService",
                "web",
                api_version="apiregistration.k8s.io/v1",
                status={"conditions": [{"type": "Available", "status": "False", "message": "no endpoints"}]},
            ),
            "not Available yet: no endpoints",
        ),
        (manifest("ConfigMap", "web"), ""),
        (manifest("Ingress", "web", api_version="networking.k8s.io/v1"), ""),
        (manifest("CronJob", "web", api_version="batch/v1", spec={"suspend": True}), ""),
        (manifest("HorizontalPodAutoscaler", "web", api_version="autoscaling/v2", status={}), ""),
    ],
)
def test_every_kind_has_its_own_rule(live: dict[str, Any], expected: str) -> None:
    """An empty expectation means ready."""
    assert progress_of(live, live) == (Pending(expected) if expected else Ready(None))


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [
        ("Job", "batch.volcano.sh/v1alpha1"),
        ("Deployment", "apps.kruise.io/v1"),
        ("Service", "serving.knative.dev/v1"),
        ("Pod", "example.dev/v1"),
        ("PersistentVolumeClaim", "storage.example.dev/v1"),
        ("APIService", "fleet.example.dev/v1"),
    ],
)
def test_a_kind_of_another_group_has_no_rule(kind: str, api_version: str) -> None:
    """A kind of another group with the same name is ready once applied."""
    item = manifest(kind, "web", api_version=api_version, spec={"replicas": 3, "tasks": []})
    assert progress_of(item) == Ready(None)
    assert progress_of(item, item) == Ready(None)


@pytest.mark.parametrize(
    "live",
    [
        workload("Deployment", {"replicas": 0}),
        workload("StatefulSet", {"replicas": 0}, replicas=0, updateRevision="b", currentRevision="a"),
        workload("ReplicaSet", {"replicas": 0}, replicas=0),
        controller(0, replicas=0),
        workload("DaemonSet", {}, desiredNumberScheduled=0),
        budget(currentHealthy=0, desiredHealthy=1, expectedPods=0),
    ],
    ids=lambda live: str(live["kind"]),
)
def test_a_workload_without_desired_pods_is_ready(live: dict[str, Any]) -> None:
    """A workload scaled to zero or with no matching node is ready."""
    assert progress_of(live, live) == Ready(None)


@pytest.mark.parametrize(
    "live",
    [
        workload("Deployment", {"replicas": 0}, replicas=2, updatedReplicas=2, availableReplicas=2),
        workload("StatefulSet", {"replicas": 0}, replicas=2, readyReplicas=2),
        workload("ReplicaSet", {"replicas": 0}, replicas=2, availableReplicas=2),
        controller(0, replicas=2, availableReplicas=2),
    ],
    ids=lambda live: str(live["kind"]),
)
def test_a_scaled_down_workload_waits_for_surplus_pods(live: dict[str, Any]) -> None:
    """On a kept cluster, surplus pods still answer requests."""
    assert progress_of(live, live) == Pending("2 pods more than the desired 0 still exist")


def test_the_live_replica_count_is_used() -> None:
    """If the manifest leaves replicas out, an autoscaler's value counts, and otherwise 1."""
    bare = deployment()
    del bare["spec"]["replicas"]
    assert progress_of(bare, live_deployment(1, replicas=3)) == Pending("1 of 3 available")
    assert progress_of(bare, live_deployment(1, replicas=1)) == Ready(None)


def test_a_paused_deployment_is_ready_with_the_pods_it_has() -> None:
    """The new template is not rolled out while paused, so conditions do not count, but the existing pods must be available."""
    live = live_deployment(2)
    live["spec"]["paused"] = True
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    live["status"] |= {"updatedReplicas": 0, "conditions": [late]}
    assert progress_of(deployment(), live) == Ready(None)
    live["status"]["availableReplicas"] = 1
    assert progress_of(deployment(), live) == Pending("1 of 2 available")


def test_a_deployment_created_paused_is_ready() -> None:
    """A Deployment created paused has no ReplicaSet until it is resumed; one with a ReplicaSet is waited for."""
    live = live_deployment(0, revision="1")
    live["spec"]["paused"] = True
    live["status"] = {"observedGeneration": 1}
    assert progress_of(deployment(), live) == Ready(None)
    assert progress_of(deployment(), live, live_replicaset("1")) == Pending("0 of 2 available")


def rolling(kind: str = "StatefulSet", **strategy: Any) -> dict[str, Any]:
    """A workload of three ready pods whose rollout has updated one."""
    spec = {"replicas": 3, "updateStrategy": strategy}
    status = {"replicas": 3, "readyReplicas": 3, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"}
    daemons = {"desiredNumberScheduled": 3, "numberAvailable": 3, "updatedNumberScheduled": 1}
    return workload(kind, spec, **(status if kind == "StatefulSet" else daemons))


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (rolling(type="RollingUpdate"), "1 of 3 updated"),
        (rolling(type="RollingUpdate", rollingUpdate={"partition": 0}), "1 of 3 updated"),
        (rolling(type="RollingUpdate", rollingUpdate={"partition": 1}), "1 of 2 updated"),
        (rolling(type="RollingUpdate", rollingUpdate={"partition": 2}), ""),
        (rolling(type="RollingUpdate", rollingUpdate={"partition": 7}), ""),
        (rolling(type="OnDelete"), ""),
        (rolling("DaemonSet", type="RollingUpdate"), "1 of 3 available"),
        (rolling("DaemonSet", type="OnDelete"), ""),
    ],
)
def test_intentionally_kept_pods_are_not_awaited(live: dict[str, Any], expected: str) -> None:
    """Pods below the partition, and all pods with OnDelete, keep the old revision."""
    assert progress_of(live, live) == (Pending(expected) if expected else Ready(None))


def test_intentionally_kept_pods_must_be_ready() -> None:
    """The application is tested on the kept pods, so they must be ready."""
    live = rolling(type="OnDelete")
    live["status"]["readyReplicas"] = 2
    assert progress_of(live, live) == Pending("2 of 3 ready")


def claim(phase: str) -> dict[str, Any]:
    """A live PersistentVolumeClaim."""
    return manifest("PersistentVolumeClaim", "data", spec={}, status={"phase": phase})


def test_a_claim_is_ready_when_bound_or_when_only_a_pod_can_bind_it() -> None:
    """A claim that no pod uses stays unbound if its class waits for the first consumer."""
    waits = event("WaitForFirstConsumer", "waiting for first consumer", name="data", kind="PersistentVolumeClaim")
    assert progress_of(claim("Bound"), claim("Bound")) == Ready(None)
    assert progress_of(claim("Pending"), claim("Pending"), waits) == Ready(None)
    assert progress_of(claim("Pending"), claim("Pending")) == Pending("no volume is bound to it")
    assert isinstance(progress_of(claim("Lost"), claim("Lost")), PermanentFailure)


def test_a_failed_pod_is_final() -> None:
    """A failed pod, such as an evicted one, is not restarted whatever its restart policy."""
    live = manifest("Pod", "web", spec={"restartPolicy": "Always"}, status={"phase": "Failed", "reason": "Evicted", "message": "disk"})
    assert progress_of(live, live) == PermanentFailure("the pod failed: Evicted disk")


def test_a_definition_with_rejected_names_is_final() -> None:
    """Another CustomResourceDefinition has the names and keeps them."""
    taken = {"type": "NamesAccepted", "status": "False", "message": '"widgets" is already in use'}
    assert progress_of(definition(), definition(taken)) == PermanentFailure('its names were rejected: "widgets" is already in use')


WAITS = Pending("it has no ready endpoint")
UNREADY = {"ready": False}


def address(conditions: dict[str, bool], pod: str = "web-9") -> dict[str, Any]:
    """An EndpointSlice of shop/web with the address of one pod."""
    endpoints = [{"conditions": conditions, "targetRef": {"kind": "Pod", "name": pod}}]
    item = manifest("EndpointSlice", "web-x", api_version="discovery.k8s.io/v1", endpoints=endpoints)
    item["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
    return item


def pod(name: str = "web-1", owner: str = "", phase: str = "Running") -> dict[str, Any]:
    """A pod that the Service selects; its owner has this apiVersion and kind."""
    item = manifest("Pod", name, spec={}, status={"phase": phase})
    item["metadata"] |= {"uid": name, "labels": {"app": "web"}}
    if owner:
        api_version, _, kind = owner.rpartition("/")
        item["metadata"]["ownerReferences"] = [{"apiVersion": api_version, "kind": kind, "name": "x", "uid": "owner"}]
    return item


def live(kind: str, *, labels: dict[str, str] | None = None, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A live workload whose pods have these labels."""
    template = {"metadata": {"labels": labels or {"app": "web", "tier": "x"}}}
    item = manifest(kind, "web", namespace=namespace, api_version="apps/v1", spec={"template": template, **spec}, status={})
    item["metadata"]["uid"] = kind
    return item


def daemons(desired: int) -> dict[str, Any]:
    """A DaemonSet scheduled on this many nodes."""
    return {**live("DaemonSet"), "status": {"desiredNumberScheduled": desired}}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ((live("Deployment", replicas=1),), WAITS),
        ((live("Deployment"),), WAITS),
        ((live("StatefulSet", replicas=2),), WAITS),
        ((live("ReplicationController", replicas=2),), WAITS),
        ((daemons(3),), WAITS),
        ((live("Deployment", replicas=0), live("StatefulSet", replicas=1)), WAITS),
        ((pod(),), WAITS),
        ((address(UNREADY),), WAITS),
        ((address(UNREADY, "web-1"), pod(owner="example.dev/v1/Database")), WAITS),
        ((address(UNREADY, "web-1"), pod(owner="batch.volcano.sh/v1alpha1/Job")), WAITS),
        ((live("Deployment", replicas=1), address({"ready": True})), Ready(None)),
        ((live("Deployment", replicas=1), address({})), Ready(None)),
        ((live("Deployment", replicas=0),), Ready(None)),
        ((live("StatefulSet", replicas=0),), Ready(None)),
        ((live("ReplicaSet", replicas=0),), Ready(None)),
        ((live("ReplicationController", replicas=0),), Ready(None)),
        ((daemons(0),), Ready(None)),
        ((live("Deployment", replicas=1, paused=True),), Ready(None)),
        ((live("Deployment", replicas=1, labels={"app": "other"}),), Ready(None)),
        ((live("Deployment", replicas=1, namespace="elsewhere"),), Ready(None)),
        ((live("Job"), pod(owner="batch/v1/Job")), Ready(None)),
        ((live("Job"), pod(owner="batch/v1/Job"), address(UNREADY, "web-1")), Ready(None)),
        ((pod(phase="Succeeded"),), Ready(None)),
        ((), Ready(None)),
    ],
)
def test_a_service_waits_only_for_expected_addresses(objects: tuple[dict[str, Any], ...], expected: object) -> None:
    """A ready pod is not enough, the Service needs its address; without replicas or with only a Job's pods there is none to wait for."""
    assert object_readiness(service(), Snapshot([service(), *objects])) == expected


@pytest.mark.parametrize("spec", [{"selector": None}, {"selector": {}}, {"type": "ExternalName", "externalName": "example.com"}])
def test_a_service_without_pods_in_the_cluster_is_ready(spec: dict[str, Any]) -> None:
    """A Service without a selector or with an external name has no pods of this cluster, so it is ready."""
    assert object_readiness(service(), Snapshot([service(**spec), live("Deployment", replicas=1)])) == Ready(None)


def test_a_paused_deployment_with_a_replicaset_is_awaited() -> None:
    """The pods of a paused Deployment were created before it was paused."""
    paused = deployment()
    paused["metadata"]["uid"] = "deployment-web"
    paused["spec"]["paused"] = True
    assert object_readiness(service(), Snapshot([service(), paused, live_replicaset()])) == WAITS
