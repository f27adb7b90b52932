"""Removing versions of an application from a cluster of ours, with their volumes."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.removal import own_part, remove
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deadline_until, deployment, ingress, manifest, rendered, service
from tests.unit.deploy.standin import ApiServer

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
SET = "/apis/apps/v1/namespaces/shop/statefulsets/db"
SERVICE = "/api/v1/namespaces/shop/services/web"
CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
DATABASE = manifest("StatefulSet", "db", api_version="apps/v1", spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]})


def removed(api_server: ApiServer, address: ClusterAddress, *manifests: dict[str, Any]) -> list[str]:
    """What was deleted, in order."""
    remove([rendered(*manifests)], address, Deadline.after(10))
    return api_server.paths("DELETE")


def test_what_uses_others_goes_first_and_the_namespace_stays(api_server: ApiServer, address: ClusterAddress) -> None:
    """Prometheus, tests and other parts of a run may live in the same namespace."""
    for path in (WEB, SERVICE, "/api/v1/namespaces/shop", "/api/v1/namespaces/shop/services/theirs"):
        api_server.put(path, {})
    gone = removed(api_server, address, manifest("Namespace", "shop", namespace=""), service(), deployment())

    assert gone == [WEB, SERVICE]
    assert set(api_server.objects) >= {"/api/v1/namespaces/shop", "/api/v1/namespaces/shop/services/theirs"}


def test_the_claims_that_a_statefulset_made_go_after_it(api_server: ApiServer, address: ClusterAddress) -> None:
    """Their data is not the new pods'; a claim of another workload, however similar its name, stays."""
    for path in (SET, f"{CLAIMS}/data-db-0", f"{CLAIMS}/data-db-11", f"{CLAIMS}/data-db-old", f"{CLAIMS}/data-db2-0", f"{CLAIMS}/other"):
        api_server.put(path, {})

    assert removed(api_server, address, DATABASE) == [SET, f"{CLAIMS}/data-db-0", f"{CLAIMS}/data-db-11"]


@pytest.mark.parametrize(("claimed", "goes"), [("shop", True), ("elsewhere", False), ("", False)])
def test_a_volume_goes_with_the_claim_that_has_it(api_server: ApiServer, address: ClusterAddress, claimed: str, *, goes: bool) -> None:
    """A volume that was claimed once binds to no new claim; one that others use is not ours to delete."""
    api_server.put(f"{VOLUMES}/disk", {"spec": {"claimRef": {"namespace": claimed}} if claimed else {}})
    api_server.put(f"{CLAIMS}/disk", {})
    gone = removed(api_server, address, manifest("PersistentVolume", "disk", namespace=""), manifest("PersistentVolumeClaim", "disk"))

    assert (f"{VOLUMES}/disk" in gone) is goes
    assert f"{CLAIMS}/disk" in gone


def test_what_is_not_there_is_no_error(api_server: ApiServer, address: ClusterAddress) -> None:
    """Nor is a kind that the cluster does not know."""
    assert removed(api_server, address, service(), manifest("Widget", "w", api_version="example.dev/v1")) == []


def test_what_is_stuck_is_named(api_server: ApiServer, address: ClusterAddress) -> None:
    """A finalizer that nobody serves ends at the deadline."""
    api_server.put(SERVICE, {})
    api_server.finalizers = ("example.dev/hold",)
    with pytest.raises(DeployError, match="Service shop/web was not deleted"):
        remove([rendered(service())], address, deadline_until(lambda: api_server.asked_twice("GET", "/services/web")))


def test_only_the_applications_own_part_is_taken() -> None:
    """The ingress controller and Prometheus stand in the same manifests, and serve both versions."""
    volume: Manifest = manifest("PersistentVolume", "disk", namespace="")
    whole = rendered(
        deployment(), ingress(), deployment("prometheus", namespace="monitoring"), dict(volume), manifest("ClusterRole", "r", namespace="")
    )

    assert [str(ObjectRef.of(item)) for item in own_part(whole, {"shop"}).objects] == [
        "Deployment shop/web",
        "Ingress shop/web",
        "PersistentVolume disk",
    ]
