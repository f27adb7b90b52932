"""Service readiness: an address exists, or none is expected."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.snapshot import Snapshot
from kindgate.deploy.status import progress
from kindgate.waiting import Pending, Ready
from tests.unit.deploy.objects import deployment, live_replicaset, manifest, service

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


def daemons(wanted: int) -> dict[str, Any]:
    """A DaemonSet scheduled on this many nodes."""
    return {**live("DaemonSet"), "status": {"desiredNumberScheduled": wanted}}


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
def test_a_service_waits_only_for_addresses_that_will_come(objects: tuple[dict[str, Any], ...], expected: object) -> None:
    """A ready pod is not enough, the Service needs its address; without replicas or with only a Job's pods there is none to wait for."""
    assert progress(service(), Snapshot([service(), *objects])) == expected


@pytest.mark.parametrize("spec", [{"selector": None}, {"selector": {}}, {"type": "ExternalName", "externalName": "example.com"}])
def test_a_service_without_pods_of_this_cluster_is_ready(spec: dict[str, Any]) -> None:
    """A Service without a selector or with an external name has no pods of this cluster, so it is ready."""
    assert progress(service(), Snapshot([service(**spec), live("Deployment", replicas=1)])) == Ready(None)


def test_a_paused_deployment_that_has_a_replicaset_is_waited_for() -> None:
    """The pods of a paused Deployment were created before it was paused."""
    paused = deployment()
    paused["metadata"]["uid"] = "deployment-web"
    paused["spec"]["paused"] = True
    assert progress(service(), Snapshot([service(), paused, live_replicaset()])) == WAITS
