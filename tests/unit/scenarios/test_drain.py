"""Draining a node, against a stand-in API server whose controllers are played by the tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.drain import Drain, node_to_drain
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import Object, live_deployment, live_pod, live_replicaset, manifest
from tests.unit.deploy.standin import ApiServer, Refusal, kubeconfig, serving

WEB = ObjectRef("Deployment", "shop", "web")
READY: Object = {"conditions": [{"type": "Ready", "status": "True"}]}


def node(name: str, *, ready: bool = True, **spec: Any) -> Object:
    """A node."""
    item = manifest("Node", name, namespace="", spec=spec, status=READY if ready else {})
    item["metadata"] |= {"generation": 1, "labels": {"node-role.kubernetes.io/control-plane": ""} if "control" in name else {}}
    return item


def pod(name: str, on: str, *, owner: str = "ReplicaSet", namespace: str = "shop") -> Object:
    """A ready pod on a node."""
    item = live_pod(name, **READY)
    item["spec"] |= {"nodeName": on}
    item["metadata"]["namespace"] = namespace
    item["metadata"]["ownerReferences"] = [{"kind": owner, "uid": "replicaset-1", "controller": True}]
    return item


def path_of(item: Object) -> str:
    """The pod's path in the API."""
    return f"/api/v1/namespaces/{item['metadata']['namespace']}/pods/{item['metadata']['name']}"


NODES = [node("control"), node("worker-1"), node("worker-2")]
PODS = [pod("a", "worker-1"), pod("b", "worker-2"), pod("c", "worker-2")]
OTHERS = [pod("agent", "worker-2", owner="DaemonSet"), pod("metrics", "worker-2", namespace="monitoring")]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with two workers, two pods of shop/web on the second one, and pods there that stay."""
    with serving() as state:
        state.put("/apis/apps/v1/namespaces/shop/deployments/web", live_deployment(2, observed=99))
        state.put("/apis/apps/v1/namespaces/shop/replicasets/web-1", live_replicaset())
        for item in NODES:
            state.put(f"/api/v1/nodes/{item['metadata']['name']}", item)
        for item in (*PODS, *OTHERS):
            state.put(path_of(item), item)
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "")


def evicted(server: ApiServer) -> list[str]:
    """The names of the pods whose eviction was requested, in order."""
    return [path.split("/")[-2] for path in server.paths("POST")]


def test_the_node_is_cordoned_and_its_pods_are_evicted(server: ApiServer, address: ClusterAddress) -> None:
    """One whose budget forbids it is asked for again, one that terminates is not; DaemonSets' pods and Prometheus stay."""
    action = Drain(address, [WEB])
    assert action.targets == ("Node worker-2",)
    assert action.undo() == (UndoStep(("uncordon", "worker-2")),)
    assert server.paths("PATCH") == []
    server.refusals.append(Refusal("POST", "/c/eviction", 429, "Cannot evict pod as it would violate the budget", times=2))
    notes: list[str] = []

    def move(text: str) -> None:
        notes.append(text)
        if text == "drain: evicted Pod shop/c":  # until then, b terminates
            for name in ("b", "c"):
                server.remove(f"/api/v1/namespaces/shop/pods/{name}")
                moved = pod(f"new-{name}", "worker-1")
                server.put(path_of(moved), moved)

    action.run(move, Deadline.after(60))
    assert server.objects["/api/v1/nodes/worker-2"]["spec"] == {"unschedulable": True}
    assert evicted(server) == ["b", "c", "c", "c"]
    assert "cordoned" in notes[0]


def test_a_node_that_is_still_cordoned_is_not_restored(server: ApiServer, address: ClusterAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference names it; without one, all is as before."""
    monkeypatch.setattr("kindgate.scenarios.drain.READ_SECONDS", 1.0)
    action = Drain(address, [WEB])
    action.undo()
    assert action.restored(Deadline.after(60)) == ()
    server.put("/api/v1/nodes/worker-2", node("worker-2", unschedulable=True))
    (difference,) = action.restored(Deadline.after(60))
    assert "Node worker-2: spec.unschedulable" in difference


@pytest.mark.parametrize("bound", ["claim", "bare"])
def test_a_pod_that_could_not_move_is_refused_before_anything_happens(server: ApiServer, address: ClusterAddress, bound: str) -> None:
    """A volume of the node, or no controller."""
    stuck = pod("stuck", "worker-2")
    if bound == "claim":
        stuck["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    else:
        del stuck["metadata"]["ownerReferences"]
    server.put(path_of(stuck), stuck)
    with pytest.raises(ScenarioError, match="Pod shop/stuck cannot move"):
        Drain(address, [WEB]).undo()
    assert server.paths("PATCH") + server.paths("POST") == []


def test_nodes_of_an_existing_cluster_are_never_drained(server: ApiServer, address: ClusterAddress) -> None:
    """Not even asked about."""
    with pytest.raises(ScenarioError, match="only in a cluster that kindgate created"):
        Drain(replace(address, existing=True), [WEB]).undo()
    assert server.requests == []


@pytest.mark.parametrize(
    "nodes",
    [
        [node("control"), node("worker-1")],
        [node("worker-1"), node("worker-2", unschedulable=True)],
        [node("worker-1"), node("worker-2", ready=False)],
    ],
    ids=["one-worker", "other-is-cordoned", "other-is-not-ready"],
)
def test_without_another_worker_nothing_is_drained(nodes: list[Object]) -> None:
    """The pods could start nowhere."""
    with pytest.raises(ScenarioError, match="no node can be drained") as raised:
        node_to_drain(nodes, PODS, [WEB])
    assert "--kind-workers 2" in raised.value.next_step


def test_the_worker_with_most_pods_is_drained_unless_one_is_named() -> None:
    """Pods of other namespaces do not count."""
    strangers = [pod(f"x{number}", "worker-1", namespace="other") for number in range(5)]
    assert node_to_drain(NODES, [*PODS, *strangers], [WEB]) == "worker-2"
    assert node_to_drain(NODES, PODS, [WEB], "worker-1") == "worker-1"
    with pytest.raises(ScenarioError, match="node control cannot be drained"):
        node_to_drain(NODES, PODS, [WEB], "control")
