"""The conditions for a usable cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.cluster.node_readiness import wait_usable
from kindgate.errors import ClusterError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import Machine
from tests.unit.cluster.stand_in import write_kubeconfig
from tests.unit.firewall_stand_in import DROPS, Firewall

NODES = ("shop-control-plane", "shop-worker")


def address_on(machine: Machine, folder: Path) -> ClusterAddress:
    """The address of a cluster with two running nodes."""
    for name in NODES:
        machine.add(name, {"io.x-k8s.kind.cluster": "shop"})
    kubeconfig = folder / "kubeconfig"
    write_kubeconfig(kubeconfig, "kind-shop", machine.api)
    return ClusterAddress("shop", kubeconfig, "kind-shop", "http://127.0.0.1:1", NODES)


def refused(machine: Machine, address: ClusterAddress, seconds: float = 0.3) -> ClusterError:
    """Return the error of the readiness check."""
    with pytest.raises(ClusterError) as caught:
        wait_usable(address, machine.engine, Deadline.after(seconds))
    return caught.value


def test_a_usable_cluster_passes(machine: Machine, tmp_path: Path) -> None:
    """Nodes, CoreDNS, ServiceAccount and ClusterIP are all available."""
    wait_usable(address_on(machine, tmp_path), machine.engine, Deadline.after(20))


def test_services_must_route_on_every_node(machine: Machine, tmp_path: Path) -> None:
    """A node with a dead kube-proxy is named with the unreachable address even if it is Ready."""
    machine.configure("deaf", "shop-worker")
    error = refused(machine, address_on(machine, tmp_path))
    assert "timed out waiting for node shop-worker to reach the API's ClusterIP" in error.message
    assert "10.96.0.1:443 from shop-worker: curl: (28)" in error.last_state


def test_pods_of_different_nodes_must_reach_each_other(machine: Machine, tmp_path: Path) -> None:
    """A network that loses packets between nodes is named with both ends even if the nodes are Ready."""
    machine.configure("apart", "shop-worker")
    error = refused(machine, address_on(machine, tmp_path))
    assert "timed out waiting for pods of node shop-worker to reach pods of other nodes" in error.message
    assert "10.244.1.254 of shop-worker gets no response from pod 10.244.0.2 of shop-control-plane: curl: (28)" in error.last_state


def test_a_firewall_that_drops_pod_traffic_ends_the_wait_immediately(podman: Machine, firewall: Firewall, tmp_path: Path) -> None:
    """The error quotes the rule, and the suggested command names the bridge."""
    podman.configure("apart", "shop-worker")
    firewall.write(DROPS, "refused")
    error = refused(podman, address_on(podman, tmp_path), seconds=60)
    assert "the host's firewall drops packets between pods of different nodes: `-P FORWARD DROP`" in error.message
    assert "sudo iptables -I FORWARD -i lo -o lo -j ACCEPT" in error.next_step
    assert error.waited is not None
    assert error.waited < 30


def test_unreachable_pods_end_the_wait_before_the_deadline(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a visible rule, the error gives the places to check, but no cause."""
    monkeypatch.setattr("kindgate.cluster.pod_network.PATIENCE_SECONDS", 0.5)
    machine.configure("apart", "shop-worker")
    error = refused(machine, address_on(machine, tmp_path), seconds=60)
    assert "gets no response from pod 10.244.0.2" in error.message
    assert "firewall" not in error.message
    assert "iptables -S FORWARD" in error.next_step
    assert error.waited is not None
    assert error.waited < 30


def test_without_access_to_the_rules_the_command_to_try_is_reported(
    podman: Machine, firewall: Firewall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The firewall is not named as the cause if its rules cannot be read."""
    monkeypatch.setattr("kindgate.cluster.pod_network.PATIENCE_SECONDS", 0.5)
    podman.configure("apart", "shop-worker")
    firewall.write("unreadable")
    error = refused(podman, address_on(podman, tmp_path), seconds=60)
    assert "firewall" not in error.message
    assert "if `sudo iptables -S FORWARD` shows `-P FORWARD DROP`, run `sudo iptables -I FORWARD -i lo -o lo -j ACCEPT`" in error.next_step


def test_pods_need_the_default_service_account(machine: Machine, tmp_path: Path) -> None:
    """The controller that creates the ServiceAccount can be late."""
    machine.deleted.add("/api/v1/namespaces/default/serviceaccounts/default")
    error = refused(machine, address_on(machine, tmp_path))
    assert "timed out waiting for the default ServiceAccount" in error.message
    assert "404" in error.last_state


def test_every_node_must_be_ready(machine: Machine, tmp_path: Path) -> None:
    """The error names the node and the kubelet's reason."""
    machine.not_ready["shop-worker"] = "cni plugin not initialized"
    error = refused(machine, address_on(machine, tmp_path))
    assert "timed out waiting for all nodes to be Ready" in error.message
    assert "shop-worker: KubeletNotReady: cni plugin not initialized" in error.last_state


def test_an_unregistered_node_is_named(machine: Machine, tmp_path: Path) -> None:
    """A node unknown to the API server counts as not Ready."""
    address = address_on(machine, tmp_path)
    machine.docker("rm", machine.id_of("shop-worker"))
    assert "shop-worker has not registered" in refused(machine, address).last_state


def test_coredns_must_be_available(machine: Machine, tmp_path: Path) -> None:
    """The error includes the number of ready replicas."""
    machine.coredns_replicas = 0
    error = refused(machine, address_on(machine, tmp_path))
    assert "timed out waiting for CoreDNS to be available" in error.message
    assert "0 of 2 replicas are ready" in error.last_state


def test_an_unreachable_api_server_is_reported(machine: Machine, tmp_path: Path) -> None:
    """The error reports the unreachable server, without a stack of HTTP errors."""
    address = address_on(machine, tmp_path)
    write_kubeconfig(address.kubeconfig, "kind-shop", "http://127.0.0.1:1")
    assert "the API server at http://127.0.0.1:1 does not respond" in refused(machine, address).last_state


def test_a_stopped_node_ends_the_wait_immediately(machine: Machine, tmp_path: Path) -> None:
    """A stopped node never becomes Ready, so the wait ends."""
    machine.configure("stopped", "shop-worker")
    error = refused(machine, address_on(machine, tmp_path), seconds=60)
    assert "the node's container stopped" in error.message
    assert error.waited is not None
    assert error.waited < 30
