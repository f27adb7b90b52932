"""Killing pods, against a stand-in API server whose controllers are played by the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.deploy.snapshot import Snapshot
from kindgate.errors import KindgateError, ScenarioError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.pod_kill import PodKill, pods_gone, pods_replaced
from kindgate.waiting import Deadline, Pending, Ready
from tests.unit.deploy.objects import Object, live_deployment, live_pod, live_replicaset
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving

WEB = ObjectRef("Deployment", "shop", "web")
PODS = "/api/v1/namespaces/shop/pods"
READY: Object = {"conditions": [{"type": "Ready", "status": "True"}]}


def pod(name: str, *, ready: bool = True, terminating: bool = False) -> Object:
    """A pod of shop/web."""
    item = live_pod(name, **(READY if ready else {"conditions": []}))
    if terminating:
        item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return item


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with two ready pods of shop/web, and one that is not ready."""
    with serving() as state:
        state.put("/apis/apps/v1/namespaces/shop/deployments/web", live_deployment(2, observed=99))
        state.put("/apis/apps/v1/namespaces/shop/replicasets/web-1", live_replicaset())
        for item in (pod("a", ready=False), pod("b"), pod("c")):
            state.put(f"{PODS}/{item['metadata']['name']}", item)
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "")


def deleted(server: ApiServer) -> list[str]:
    """The names of the pods that were deleted, in order."""
    return [path.removeprefix(f"{PODS}/") for path in server.paths("DELETE")]


@pytest.mark.parametrize(("all_pods", "killed"), [(False, ["b"]), (True, ["b", "c"])], ids=["one", "all"])
def test_ready_pods_are_killed_and_their_replacement_is_awaited(
    server: ApiServer, address: ClusterAddress, *, all_pods: bool, killed: list[str]
) -> None:
    """One of the workload, or all of them; new ones appear as each is reported."""
    action = PodKill(address, [WEB], all_pods=all_pods)
    assert action.undo() == ()
    assert deleted(server) == []
    notes: list[str] = []

    def replace(text: str) -> None:
        notes.append(text)
        if len(notes) <= len(killed):
            assert "ready as before" not in text
            server.put(f"{PODS}/new-{len(notes)}", pod(f"new-{len(notes)}"))

    action.run(replace, Deadline.after(60))
    assert sorted(deleted(server)) == killed
    assert [f"Pod shop/{name}" in note for name, note in zip(killed, notes, strict=False)] == [True] * len(killed)


def test_pods_that_are_not_replaced_fail_the_action(server: ApiServer, address: ClusterAddress) -> None:
    """The error states how many are missing."""
    with pytest.raises(KindgateError, match="as many ready pods") as raised:
        PodKill(address, [WEB]).run(lambda _: None, Deadline.after(1))
    assert "Deployment shop/web: 1 of 2 pods ready" in raised.value.last_state
    assert deleted(server) == ["b"]


def test_a_workload_without_ready_pods_is_refused_before_anything_is_killed(server: ApiServer, address: ClusterAddress) -> None:
    """Nothing would happen, and the scenario would pass for no reason."""
    for name in ("b", "c"):
        server.put(f"{PODS}/{name}", pod(name, ready=False))
    with pytest.raises(ScenarioError, match="no ready pod"):
        PodKill(address, [WEB]).undo()
    assert deleted(server) == []


def test_a_workload_that_does_not_exist_is_refused(address: ClusterAddress) -> None:
    """It is named."""
    with pytest.raises(ScenarioError, match="shop/gone does not exist"):
        PodKill(address, [ObjectRef("Deployment", "shop", "gone")]).undo()


def test_a_killed_pod_does_not_count_while_it_still_reports_ready() -> None:
    """Its deletion may not have been seen yet, and its successor would not be waited for."""
    objects = [live_deployment(2), live_replicaset(), pod("b"), pod("c")]
    assert pods_replaced(Snapshot(objects), {WEB: 2}, {"pod-b"}) == Pending("Deployment shop/web: 1 of 2 pods ready")
    assert pods_replaced(Snapshot([*objects, pod("d")]), {WEB: 2}, {"pod-b"}) == Ready(None)


def test_a_graceful_pod_is_waited_for_until_it_is_gone() -> None:
    """It answers until then, and could lose requests at its end."""
    assert pods_gone(Snapshot([pod("b", terminating=True), pod("c")]), {"pod-b"}) == Pending("terminating: Pod shop/b")
    assert pods_gone(Snapshot([pod("c")]), {"pod-b"}) == Ready(None)


@pytest.mark.parametrize(
    ("all_pods", "now", "name"),
    [(False, False, "kill-pod"), (False, True, "kill-pod-now"), (True, False, "kill-pods"), (True, True, "kill-pods-now")],
)
def test_objectives_can_tell_the_faults_apart(address: ClusterAddress, *, all_pods: bool, now: bool, name: str) -> None:
    """By the action's name."""
    assert PodKill(address, [WEB], all_pods=all_pods, now=now).name == name
