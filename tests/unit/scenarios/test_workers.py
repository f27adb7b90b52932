"""The choice of a node to fail, and the comparison with its state before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.scenarios.workers import node_to_fail, own_engine, pods_per_node
from tests.unit.deploy.objects import Object
from tests.unit.scenarios.test_drain import node, pod

WEB = ObjectRef("Deployment", "shop", "web")
NODES = [node("control"), node("worker-1"), node("worker-2")]
PODS = [pod("a", "worker-1"), pod("b", "worker-2"), pod("c", "worker-2"), pod("d", "control"), pod("e", "control"), pod("f", "control")]
ENGINE = Engine("docker", Path("docker"), "27.0")


def test_the_worker_with_most_pods_fails() -> None:
    """Never the control plane, however many pods it has."""
    assert node_to_fail(NODES, PODS, [WEB]) == "worker-2"


def test_the_node_of_the_ingress_does_not_fail() -> None:
    """Every request would be lost, for another reason than the application's."""
    assert node_to_fail(NODES, [*PODS, pod("traefik", "worker-2", namespace="ingress")], [WEB]) == "worker-1"


@pytest.mark.parametrize("requested", ["control", "worker-2"])
def test_a_node_that_is_named_fails(requested: str) -> None:
    """Also the control plane and the node of the ingress: the test says what it wants."""
    assert node_to_fail(NODES, [*PODS, pod("traefik", "worker-2", namespace="ingress")], [WEB], requested) == requested


@pytest.mark.parametrize(
    ("nodes", "requested"),
    [([node("control")], ""), ([node("control"), node("worker-1", ready=False)], ""), (NODES, "worker-3")],
    ids=["no-worker", "worker-is-not-ready", "unknown"],
)
def test_without_a_node_that_can_fail_nothing_happens(nodes: list[Object], requested: str) -> None:
    """The error shows which nodes there are."""
    with pytest.raises(ScenarioError, match=r"can(not)? fail") as raised:
        node_to_fail(nodes, PODS, [WEB], requested)
    assert "control" in raised.value.last_state


@pytest.mark.parametrize(("engine", "existing"), [(None, False), (ENGINE, True)])
def test_only_an_own_cluster_has_an_engine(engine: Engine | None, *, existing: bool) -> None:
    """A user's cluster may run in the same engine."""
    address = ClusterAddress("test", Path("kubeconfig"), "test", "", existing=existing)
    with pytest.raises(ScenarioError, match="nodes fail only in a cluster that kindgate created"):
        own_engine(address, engine, "nodes fail")


@pytest.mark.parametrize(("nodes", "balance"), [(["x", "y"], (1, 1)), (["y", "z", "z"], (1, 2)), (["x", "x"], (2,)), ([], ())], ids=str)
def test_the_balance_is_that_of_the_nodes_with_pods(nodes: list[str], balance: tuple[int, ...]) -> None:
    """Whichever they are: a pod may have moved."""
    pods: list[Any] = [pod(str(number), name) for number, name in enumerate(nodes)]
    assert pods_per_node(pods) == balance
