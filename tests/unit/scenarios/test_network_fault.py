"""A pod whose packets are dropped, with a stand-in API server and an engine whose command records what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.network_fault import NetworkFault
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import Object, live_deployment, live_replicaset, manifest
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving
from tests.unit.scenarios.recording import RecordingProgram, write_recording_engine
from tests.unit.scenarios.test_drain import path_of, pod

WEB = ObjectRef("Deployment", "shop", "web")


def web_pod(name: str, on: str, ip: str) -> Object:
    """A ready pod of shop/web."""
    item = pod(name, on)
    item["status"] = {
        **item["status"],
        "podIPs": [{"ip": ip}],
        "containerStatuses": [{"name": "web", "containerID": f"containerd://{name}-1"}],
    }
    return item


def service(name: str, selector: dict[str, str], address: str) -> Object:
    """A Service of the namespace shop."""
    return manifest("Service", name, spec={"selector": selector, "clusterIPs": [address]})


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with two pods of shop/web on different workers, and Services that select them, others, and nothing."""
    with serving() as state:
        web = live_deployment(2, observed=99)
        web["spec"]["template"]["metadata"]["labels"] = {"app": "web", "tier": "front"}
        state.put("/apis/apps/v1/namespaces/shop/deployments/web", web)
        state.put("/apis/apps/v1/namespaces/shop/replicasets/web-1", live_replicaset())
        for item in (web_pod("a", "worker-1", "10.0.1.1"), web_pod("b", "worker-2", "10.0.2.1")):
            state.put(path_of(item), item)
        for item in (
            service("web", {"app": "web"}, "10.96.0.1"),
            service("headless", {"app": "web"}, "None"),
            service("other", {"app": "other"}, "10.96.0.2"),
            service("external", {}, "10.96.0.3"),
        ):
            state.put(f"/api/v1/namespaces/shop/services/{item['metadata']['name']}", item)
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "", nodes=("worker-1", "worker-2"))


@pytest.fixture
def engine(tmp_path: Path) -> tuple[Engine, RecordingProgram]:
    """An engine, and its command."""
    return write_recording_engine(tmp_path)


def test_a_filter_is_added_and_removed_on_the_node_of_each_pod(address: ClusterAddress, engine: tuple[Engine, RecordingProgram]) -> None:
    """The undo, which is known before, is what removes them."""
    found, program = engine
    action = NetworkFault(address, [WEB], found, all_pods=True, seconds=0.01)
    steps = action.undo()
    assert program.calls == []
    notes: list[str] = []
    action.run(notes.append, Deadline.after(60))
    begins, ends = program.calls[:2], program.calls[2:]
    assert [(arguments[:3], text.startswith("table inet kindgate_")) for arguments, text in begins] == [
        (["exec", "--interactive", node], True) for node in ("worker-1", "worker-2")
    ]
    assert tuple(UndoStep(tuple(arguments), program="engine") for arguments, _ in ends) == steps
    assert [note.split(":")[0] for note in notes] == ["partition"] * 4
    assert action.restored(Deadline.after(60)) == ()


def test_one_pod_of_each_workload_loses_packets_unless_all_are_to(address: ClusterAddress, engine: tuple[Engine, RecordingProgram]) -> None:
    """The other one answers."""
    action = NetworkFault(address, [WEB], engine[0], percent=20, seconds=0.01)
    assert action.name == "packet-loss"
    assert [step.arguments[2] for step in action.undo()] == ["worker-1"]


def test_a_peer_has_the_addresses_of_its_pods_and_its_services(address: ClusterAddress, engine: tuple[Engine, RecordingProgram]) -> None:
    """Within a pod, a connection through a Service has the Service's address."""
    action = NetworkFault(address, [WEB], engine[0], peers=[WEB])
    assert sorted(action.packets.peers) == ["10.0.1.1", "10.0.2.1", "10.96.0.1"]


def test_a_filter_that_a_node_refuses_is_an_error(address: ClusterAddress, engine: tuple[Engine, RecordingProgram]) -> None:
    """With the node's words."""
    found, program = engine
    action = NetworkFault(address, [WEB], found)
    action.undo()
    program.fail("the node has no nft")
    with pytest.raises(ScenarioError, match="partition of Pod shop/a cannot begin") as raised:
        action.run(lambda _: None, Deadline.after(60))
    assert "the node has no nft" in raised.value.last_state


def test_what_is_left_of_a_filter_is_a_difference(
    address: ClusterAddress, engine: tuple[Engine, RecordingProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test must not pass on a cluster that the next one finds changed."""
    action = NetworkFault(address, [WEB], engine[0])
    action.undo()
    monkeypatch.setattr(action, "_run", lambda *_: ["the packet filter"])
    assert action.restored(Deadline.after(60)) == ("Node worker-1: the packet filter",)


@pytest.mark.parametrize("reason", ["existing", "host-network", "no-pod"])
def test_what_others_need_is_left_alone(
    server: ApiServer, address: ClusterAddress, engine: tuple[Engine, RecordingProgram], reason: str
) -> None:
    """The error comes before anything happens."""
    found, program = engine
    for name, ip in (("a", "10.0.1.1"), ("b", "10.0.2.1")):
        item = web_pod(name, "worker-1", ip)
        if reason == "host-network":
            item["spec"]["hostNetwork"] = True
        if reason == "no-pod":
            item["status"]["conditions"] = []
        server.put(path_of(item), item)
    with pytest.raises(ScenarioError, match=r"only in a cluster that kindgate created|the network of its node|has no ready pod"):
        NetworkFault(replace(address, existing=reason == "existing"), [WEB], found).undo()
    assert program.calls == []


@pytest.mark.parametrize("percent", [0, 101, -1])
def test_a_share_is_between_one_and_a_hundred_percent(
    address: ClusterAddress, engine: tuple[Engine, RecordingProgram], percent: int
) -> None:
    """A mistake is an error before anything happens."""
    with pytest.raises(ScenarioError, match="cannot be lost"):
        NetworkFault(address, [WEB], engine[0], percent=percent)
