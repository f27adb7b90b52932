"""Delete what a run applied to a cluster that outlives it."""

from __future__ import annotations

import pytest

from kindgate.deploy.apply import RUN_LABEL
from kindgate.deploy.removal import delete_run_objects
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deadline_until, deployment, manifest, rendered, service
from tests.unit.deploy.standin import ApiServer, Refusal

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
SERVICES = "/api/v1/namespaces/shop/services"


def labelled(run: str) -> dict[str, dict[str, dict[str, str]]]:
    """An object with a run's label."""
    return {"metadata": {"labels": {RUN_LABEL: run}}}


def test_only_the_runs_own_objects_go_and_the_last_applied_goes_first(api_server: ApiServer, address: ClusterAddress) -> None:
    """Objects of another run and objects without a label are kept."""
    for path, run in ((WEB, "r1"), (f"{SERVICES}/web", "r1"), (f"{SERVICES}/theirs", "r2")):
        api_server.put(path, labelled(run))
    api_server.put(f"{SERVICES}/foreign", {})
    gone = delete_run_objects(rendered(service(), deployment()), address, run="r1", deadline=Deadline.after(10))
    assert gone == (ObjectRef("Deployment", "shop", "web"), ObjectRef("Service", "shop", "web"))
    assert set(api_server.objects) >= {f"{SERVICES}/theirs", f"{SERVICES}/foreign"}
    assert api_server.paths("DELETE") == [WEB, f"{SERVICES}/web"]


def test_nothing_to_delete_is_no_error(api_server: ApiServer, address: ClusterAddress) -> None:
    """A second deletion and a kind unknown to the cluster are not errors."""
    custom = manifest("Widget", "w", api_version="example.dev/v1")
    assert delete_run_objects(rendered(service(), custom), address, run="r1", deadline=Deadline.after(10)) == ()
    assert api_server.paths("DELETE") == []


def test_an_object_that_is_stuck_is_named_with_what_holds_it(api_server: ApiServer, address: ClusterAddress) -> None:
    """An object with a finalizer that is never processed ends at the deadline with an error that names it."""
    api_server.put(f"{SERVICES}/web", labelled("r1"))
    api_server.finalizers = ("example.dev/hold",)
    with pytest.raises(DeployError, match="Service shop/web was not deleted") as caught:
        delete_run_objects(
            rendered(service()), address, run="r1", deadline=deadline_until(lambda: api_server.asked_twice("GET", "/services/web"))
        )
    assert "example.dev/hold" in caught.value.last_state


def test_an_outage_of_the_api_server_is_survived(api_server: ApiServer, address: ClusterAddress) -> None:
    """A deletion can be requested twice, so it is retried during an outage."""
    api_server.put(f"{SERVICES}/web", labelled("r1"))
    api_server.refusals.append(Refusal("DELETE", "/web", 503, "shutting down", times=1))
    assert len(delete_run_objects(rendered(service()), address, run="r1", deadline=Deadline.after(10))) == 1
    assert f"{SERVICES}/web" not in api_server.objects
