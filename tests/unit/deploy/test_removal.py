"""Removing versions of an application with their volumes, and a run's objects from a cluster that outlives it."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.deploy.apply import RUN_LABEL
from kindgate.deploy.removal import application_part, delete_run_objects, remove_versions
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deadline_until, deployment, ingress, manifest, rendered, service
from tests.unit.deploy.standin import ApiServer, Refusal

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
SET = "/apis/apps/v1/namespaces/shop/statefulsets/db"
SERVICE = "/api/v1/namespaces/shop/services/web"
CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
DATABASE = manifest("StatefulSet", "db", api_version="apps/v1", spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]})


def removed(api_server: ApiServer, address: ClusterAddress, *manifests: dict[str, Any]) -> list[str]:
    """Return the deleted objects in order."""
    remove_versions([rendered(*manifests)], address, Deadline.after(10))
    return api_server.paths("DELETE")


def test_dependents_are_deleted_first_and_the_namespace_is_kept(api_server: ApiServer, address: ClusterAddress) -> None:
    """Dependent objects are deleted first; the namespace stays, because other parts of the run can share it."""
    for path in (WEB, SERVICE, "/api/v1/namespaces/shop", "/api/v1/namespaces/shop/services/theirs"):
        api_server.put(path, {})
    deleted = removed(api_server, address, manifest("Namespace", "shop", namespace=""), service(), deployment())

    assert deleted == [WEB, SERVICE]
    assert set(api_server.objects) >= {"/api/v1/namespaces/shop", "/api/v1/namespaces/shop/services/theirs"}


def test_a_statefulsets_claims_are_deleted_after_it(api_server: ApiServer, address: ClusterAddress) -> None:
    """A StatefulSet's claims are deleted after it; a claim of another workload with a similar name is kept."""
    for path in (SET, f"{CLAIMS}/data-db-0", f"{CLAIMS}/data-db-11", f"{CLAIMS}/data-db-old", f"{CLAIMS}/data-db2-0", f"{CLAIMS}/other"):
        api_server.put(path, {})

    assert removed(api_server, address, DATABASE) == [SET, f"{CLAIMS}/data-db-0", f"{CLAIMS}/data-db-11"]


@pytest.mark.parametrize(("claimed", "goes"), [("shop", True), ("elsewhere", False), ("", False)])
def test_a_volume_is_deleted_with_its_claim(api_server: ApiServer, address: ClusterAddress, claimed: str, *, goes: bool) -> None:
    """A released volume binds to no new claim, so it is deleted with its claim; a volume claimed by others is kept."""
    api_server.put(f"{VOLUMES}/disk", {"spec": {"claimRef": {"namespace": claimed}} if claimed else {}})
    api_server.put(f"{CLAIMS}/disk", {})
    deleted = removed(api_server, address, manifest("PersistentVolume", "disk", namespace=""), manifest("PersistentVolumeClaim", "disk"))

    assert (f"{VOLUMES}/disk" in deleted) is goes
    assert f"{CLAIMS}/disk" in deleted


def test_missing_objects_are_not_an_error(api_server: ApiServer, address: ClusterAddress) -> None:
    """A missing object and a kind unknown to the cluster are not errors."""
    assert removed(api_server, address, service(), manifest("Widget", "w", api_version="example.dev/v1")) == []


def test_an_undeletable_object_is_named(api_server: ApiServer, address: ClusterAddress) -> None:
    """An object with a finalizer that is never processed is named in the error at the deadline."""
    api_server.put(SERVICE, {})
    api_server.finalizers = ("example.dev/hold",)
    with pytest.raises(DeployError, match="Service shop/web was not deleted"):
        remove_versions([rendered(service())], address, deadline_until(lambda: api_server.was_requested_twice("GET", "/services/web")))


def test_only_the_applications_objects_are_selected() -> None:
    """The ingress controller and Prometheus are in the same manifests, but serve both versions, so they are kept."""
    volume: Manifest = manifest("PersistentVolume", "disk", namespace="")
    all_objects = rendered(
        deployment(), ingress(), deployment("prometheus", namespace="monitoring"), dict(volume), manifest("ClusterRole", "r", namespace="")
    )

    assert [str(ObjectRef.of(item)) for item in application_part(all_objects, {"shop"}).objects] == [
        "Deployment shop/web",
        "Ingress shop/web",
        "PersistentVolume disk",
    ]


SERVICES = "/api/v1/namespaces/shop/services"


def labels_of_run(run: str) -> dict[str, dict[str, dict[str, str]]]:
    """An object with a run's label."""
    return {"metadata": {"labels": {RUN_LABEL: run}}}


def test_only_the_runs_objects_are_deleted_last_applied_first(api_server: ApiServer, address: ClusterAddress) -> None:
    """Objects of another run and objects without a label are kept."""
    for path, run in ((WEB, "r1"), (f"{SERVICES}/web", "r1"), (f"{SERVICES}/theirs", "r2")):
        api_server.put(path, labels_of_run(run))
    api_server.put(f"{SERVICES}/foreign", {})
    deleted = delete_run_objects(rendered(service(), deployment()), address, run="r1", deadline=Deadline.after(10))
    assert deleted == (ObjectRef("Deployment", "shop", "web"), ObjectRef("Service", "shop", "web"))
    assert set(api_server.objects) >= {f"{SERVICES}/theirs", f"{SERVICES}/foreign"}
    assert api_server.paths("DELETE") == [WEB, f"{SERVICES}/web"]


def test_deleting_missing_objects_is_not_an_error(api_server: ApiServer, address: ClusterAddress) -> None:
    """A second deletion and a kind unknown to the cluster are not errors."""
    custom = manifest("Widget", "w", api_version="example.dev/v1")
    assert delete_run_objects(rendered(service(), custom), address, run="r1", deadline=Deadline.after(10)) == ()
    assert api_server.paths("DELETE") == []


def test_an_undeletable_run_object_is_named_with_its_finalizers(api_server: ApiServer, address: ClusterAddress) -> None:
    """An object with a finalizer that is never processed ends at the deadline with an error that names it."""
    api_server.put(f"{SERVICES}/web", labels_of_run("r1"))
    api_server.finalizers = ("example.dev/hold",)
    with pytest.raises(DeployError, match="Service shop/web was not deleted") as caught:
        delete_run_objects(
            rendered(service()), address, run="r1", deadline=deadline_until(lambda: api_server.was_requested_twice("GET", "/services/web"))
        )
    assert "example.dev/hold" in caught.value.last_state


def test_deletion_survives_an_api_server_outage(api_server: ApiServer, address: ClusterAddress) -> None:
    """A deletion can be requested twice, so it is retried during an outage."""
    api_server.put(f"{SERVICES}/web", labels_of_run("r1"))
    api_server.refusals.append(Refusal("DELETE", "/web", 503, "shutting down", times=1))
    assert len(delete_run_objects(rendered(service()), address, run="r1", deadline=Deadline.after(10))) == 1
    assert f"{SERVICES}/web" not in api_server.objects
