"""The actions of the scenario rollout, against a stand-in API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import DeployError, ScenarioError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.rollout import BadImage, Rollback, Rollout, Update, read_workloads
from kindgate.scenarios.template_changes import EPISODE
from kindgate.waiting import Deadline
from tests.unit.deploy.json_patch import after_patch
from tests.unit.deploy.objects import Object, live_deployment, live_replicaset, manifest
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

WEB = ObjectRef("Deployment", "shop", "web")
PATH = "/apis/apps/v1/namespaces/shop/deployments/web"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with shop/web, whose controller has always done its work."""
    with serving() as state:
        state.put(PATH, live_deployment(2, observed=99))
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "")


def template_of(server: ApiServer) -> Any:
    """The template of shop/web as it is now."""
    return server.objects[PATH]["spec"]["template"]


def undo(server: ApiServer, action: Rollout) -> None:
    """What kubectl does for each step of the action's undo."""
    for step in action.undo():
        server.put(PATH, after_patch(server.objects[PATH], step.stdin))


def put_stuck_rollout(server: ApiServer) -> None:
    """A new pod whose image does not exist, next to the old ones."""
    live = live_deployment(2, observed=99, revision="2")
    live["status"] |= {"replicas": 3, "updatedReplicas": 1}
    server.put(PATH, live)
    replicaset = live_replicaset("2")
    replicaset["metadata"]["ownerReferences"] = [{"kind": "Deployment", "uid": "deployment-web"}]
    server.put("/apis/apps/v1/namespaces/shop/replicasets/web-2", replicaset)
    waiting = {"reason": "ErrImageNeverPull", "message": "the image is not present"}
    pod = manifest("Pod", "web-2-a", spec={"containers": [{"name": "web"}]})
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "web", "image": "gone", "state": {"waiting": waiting}}]}
    pod["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "uid": "replicaset-2"}]
    server.put("/api/v1/namespaces/shop/pods/web-2-a", pod)


def actions(address: ClusterAddress) -> list[Rollout]:
    """One of each kind."""
    return [Rollout(address, [WEB], "restart"), Update(address, [WEB], env={"A": "1"}, images={"example/web": "example/web:2.0"})]


@pytest.mark.parametrize("number", [0, 1], ids=["restart", "update"])
def test_an_action_and_its_undo_leave_the_workload_as_it_was(server: ApiServer, address: ClusterAddress, number: int) -> None:
    """The template changes in between; `restored` compares with what the action found."""
    action = actions(address)[number]
    before = template_of(server)
    action.undo()
    notes: list[str] = []
    action.run(notes.append, Deadline.after(60))
    assert template_of(server)["metadata"]["annotations"] == {EPISODE: action.episode}
    assert str(WEB) in notes[0]
    assert action.restored(Deadline.after(60)) != ()
    undo(server, action)
    assert template_of(server) == before
    assert action.restored(Deadline.after(60)) == ()


def test_an_update_changes_variables_and_images(server: ApiServer, address: ClusterAddress) -> None:
    """Of the containers."""
    action = actions(address)[1]
    action.run(lambda _: None, Deadline.after(60))
    container = template_of(server)["spec"]["containers"][0]
    assert (container["image"], container["env"]) == ("example/web:2.0", [{"name": "A", "value": "1"}])


def test_an_update_that_changes_nothing_is_an_error(server: ApiServer, address: ClusterAddress) -> None:
    """Before anything is changed: the controller would replace no pod, and no request could be lost."""
    with pytest.raises(ScenarioError, match="changes nothing"):
        Update(address, [WEB], images={"example/other": "example/other:2.0"}).undo()
    assert server.paths("PATCH") == []


def test_an_action_does_not_overwrite_what_was_deployed_meanwhile(server: ApiServer, address: ClusterAddress) -> None:
    """Its undo would bring the older template back."""
    action = Rollout(address, [WEB], "restart")
    action.undo()
    newer = live_deployment(2, observed=99, generation=2)
    newer["spec"]["template"]["spec"]["containers"][0]["image"] = "example/web:2.0"
    server.put(PATH, newer)
    with pytest.raises(DeployError):
        action.run(lambda _: None, Deadline.after(60))
    assert template_of(server) == newer["spec"]["template"]


def test_a_rollback_restores_the_template_itself(server: ApiServer, address: ClusterAddress) -> None:
    """The undo then has only the owners of fields to restore."""
    action = Rollback(address, [WEB], "rollback")
    before = template_of(server)
    action.undo()
    notes: list[str] = []
    action.run(notes.append, Deadline.after(60))
    assert template_of(server) == before
    assert server.paths("PATCH") == [PATH, PATH]
    assert server.objects[PATH]["metadata"]["generation"] == 3
    undo(server, action)
    assert action.restored(Deadline.after(60)) == ()
    assert [note.partition(":")[0] for note in notes] == ["rollback", "rollback", "back", "back"]


def test_a_bad_image_has_done_its_work_when_the_rollout_stops(server: ApiServer, address: ClusterAddress) -> None:
    """The timeline has the cause."""
    action = BadImage(address, [WEB], hold=0.1)
    action.undo()
    put_stuck_rollout(server)
    notes: list[str] = []
    action.run(notes.append, Deadline.after(60))
    assert any("ErrImageNeverPull" in note for note in notes)
    assert template_of(server)["spec"]["containers"][0]["imagePullPolicy"] == "Never"


def test_a_bad_image_that_is_rolled_out_is_an_error(address: ClusterAddress) -> None:
    """Then it proves nothing."""
    with pytest.raises(ScenarioError, match="completed"):
        BadImage(address, [WEB], hold=0.1).run(lambda _: None, Deadline.after(60))


def test_a_bad_image_is_refused_where_it_would_take_a_pod_down(address: ClusterAddress) -> None:
    """A StatefulSet deletes the old pod first."""
    with pytest.raises(ScenarioError, match="only a Deployment"):
        BadImage(address, [ObjectRef("StatefulSet", "shop", "web")]).undo()


@pytest.mark.parametrize(
    "spec", [{"paused": True}, {"replicas": 0}, {"updateStrategy": {"type": "OnDelete"}}], ids=["paused", "no-replicas", "on-delete"]
)
def test_a_workload_that_would_keep_its_pods_is_refused(server: ApiServer, address: ClusterAddress, spec: Object) -> None:
    """A changed template would replace nothing, and the scenario would pass for no reason."""
    live = live_deployment(2, observed=99)
    live["spec"] |= spec
    server.put(PATH, live)
    with pytest.raises(ScenarioError, match="cannot be rolled out"):
        Rollout(address, [WEB], "restart").undo()


def test_a_workload_that_does_not_exist_is_named(address: ClusterAddress) -> None:
    """The application may not be deployed yet."""
    with pytest.raises(ScenarioError, match="Deployment shop/gone does not exist"):
        read_workloads(address, [ObjectRef("Deployment", "shop", "gone")])


def test_only_some_kinds_can_be_rolled_out(address: ClusterAddress) -> None:
    """The error names them."""
    with pytest.raises(ScenarioError, match="StatefulSet"):
        read_workloads(address, [ObjectRef("Job", "shop", "migrate")])
