"""A node that fails, with a stand-in API server and an engine whose command records what it is asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import KindgateError, ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.node_fault import LONGEST_SECONDS, NODE_FAULTS, NodeFaultName, NodeOutage
from kindgate.waiting import Deadline, StoppableClock
from tests.unit.deploy.objects import Object, live_deployment, live_replicaset
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving
from tests.unit.scenarios.recording import RecordingProgram, write_recording_engine
from tests.unit.scenarios.test_drain import node, path_of, pod

WEB = ObjectRef("Deployment", "shop", "web")
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker"
SECONDS = 0.01


def web_pod(name: str, on: str, container: str = "old") -> Object:
    """A ready pod of shop/web."""
    item = pod(name, on)
    item["status"] = {**item["status"], "containerStatuses": [{"name": "web", "containerID": f"containerd://{name}-{container}"}]}
    return item


def put(server: ApiServer, item: Object) -> None:
    """Store a pod."""
    server.put(path_of(item), item)


def report(server: ApiServer, at: str) -> None:
    """The kubelet reports."""
    server.put(LEASE, {"spec": {"renewTime": at}})


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with a worker, which runs a pod of shop/web; the other one is on the control plane."""
    with serving() as state:
        state.put("/apis/apps/v1/namespaces/shop/deployments/web", live_deployment(2, observed=99))
        state.put("/apis/apps/v1/namespaces/shop/replicasets/web-1", live_replicaset())
        for item in (node("control"), node("worker")):
            state.put(f"/api/v1/nodes/{item['metadata']['name']}", item)
        put(state, web_pod("a", "worker"))
        put(state, web_pod("b", "control"))
        report(state, "1")
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "", nodes=("control", "worker"))


@pytest.fixture
def engine(tmp_path: Path) -> tuple[Engine, RecordingProgram]:
    """An engine, and its command."""
    return write_recording_engine(tmp_path)


@pytest.mark.parametrize("name", NODE_FAULTS)
def test_the_fault_ends_and_the_node_is_awaited(
    server: ApiServer, address: ClusterAddress, engine: tuple[Engine, RecordingProgram], name: NodeFaultName
) -> None:
    """The undo, which is known before, is the command that ends it."""
    found, program = engine
    action = NodeOutage(address, [WEB], found, name, seconds=SECONDS)
    (step,) = action.undo()
    assert program.calls == []
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if "released" in text:
            put(server, web_pod("a", "worker", "new"))
            report(server, "2")

    action.run(note, Deadline.after(60))
    (begin, _), (end, _) = program.calls
    assert step == UndoStep(tuple(end), program="engine")
    assert [part for part in begin if part == "worker"] == ["worker"]
    assert begin != end
    assert action.targets == ("Node worker",)
    assert len(notes) == 3
    assert action.restored(Deadline.after(60)) == ()


@pytest.mark.parametrize(
    ("name", "reported", "container", "returns"),
    [
        ("pause-node", "2", "old", True),
        ("pause-node", "1", "new", False),
        ("stop-node", "2", "old", False),
        ("stop-node", "2", "new", True),
    ],
)
def test_a_node_has_returned_when_its_kubelet_has_reported_what_runs(
    server: ApiServer,
    address: ClusterAddress,
    engine: tuple[Engine, RecordingProgram],
    name: NodeFaultName,
    reported: str,
    *,
    container: str,
    returns: bool,
) -> None:
    """Until then, the API server still shows the state from before the fault: everything ready."""
    action = NodeOutage(address, [WEB], engine[0], name, seconds=SECONDS)
    action.undo()
    clock = StoppableClock()
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if "released" in text:
            put(server, web_pod("a", "worker", container))
            report(server, reported)
            if not returns:
                threading.Timer(2.0, clock.stop).start()

    with contextlib.nullcontext() if returns else pytest.raises(KindgateError):
        action.run(note, Deadline.after(60, clock))
    assert ("are ready" in notes[-1]) is returns


def test_pods_that_have_moved_are_a_difference(
    server: ApiServer, address: ClusterAddress, engine: tuple[Engine, RecordingProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next fault would find both on one node."""
    monkeypatch.setattr("kindgate.scenarios.workers.READ_SECONDS", 1.0)
    action = NodeOutage(address, [WEB], engine[0], "stop-node")
    action.undo()
    put(server, web_pod("a", "control"))
    assert action.restored(Deadline.after(60)) == ("Deployment shop/web: pods per node [1, 1] -> [2]",)


def test_nodes_of_an_existing_cluster_never_fail(
    server: ApiServer, address: ClusterAddress, engine: tuple[Engine, RecordingProgram]
) -> None:
    """Not even asked about."""
    found, program = engine
    with pytest.raises(ScenarioError, match="only in a cluster that kindgate created"):
        NodeOutage(replace(address, existing=True), [WEB], found, "pause-node").undo()
    assert (server.requests, program.calls) == ([], [])


@pytest.mark.parametrize("seconds", [0.0, -1.0, LONGEST_SECONDS + 1, float("nan")])
def test_a_fault_lasts_as_long_as_an_action_can(address: ClusterAddress, engine: tuple[Engine, RecordingProgram], seconds: float) -> None:
    """Longer ones would end before the node is back."""
    with pytest.raises(ScenarioError, match="a fault cannot last"):
        NodeOutage(address, [WEB], engine[0], "pause-node", seconds=seconds)
