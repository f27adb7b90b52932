"""The life of a cluster against a stand-in engine and kind: created, reused, kept, deleted, and nothing left when it fails."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.cluster.deletion import delete_named
from kindgate.cluster.life import Blueprint, OpenCluster, open_cluster
from kindgate.errors import ClusterError, OwnershipError, SettingsError
from kindgate.model import ClusterAddress
from kindgate.settings import ClusterSettings, Settings
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import NODE_IMAGE, Machine

NODES = ("shop-control-plane", "shop-worker", "shop-worker2")


def blueprint(machine: Machine, root: Path, **changes: Any) -> Blueprint:
    """A cluster `shop` of three nodes, with these cluster settings."""
    settings = Settings(root=root, cluster=ClusterSettings(name="shop", **changes))
    return Blueprint(settings, machine.engine, machine.kind, NODE_IMAGE)


def opened(plan: Blueprint, said: list[str] | None = None) -> OpenCluster:
    """The cluster, opened within half a minute; `said` collects the progress."""
    return open_cluster(plan, deadline=Deadline.after(30), progress=(said if said is not None else []).append)


def nothing_left(machine: Machine, folder: Path) -> bool:
    """Whether containers, networks and state folders are gone."""
    state = folder / "state" / "clusters"
    return not machine.containers and not machine.networks and not (state.exists() and list(state.iterdir()))


@contextmanager
def kept_cluster(machine: Machine, root: Path, **changes: Any) -> Iterator[OpenCluster]:
    """A cluster that an earlier run has kept."""
    first = opened(blueprint(machine, root, keep="always", **changes))
    assert first.close(failed=False)
    yield first
    delete_named(machine.engine, "shop", Deadline.after(10))


def test_a_created_cluster_is_reached_by_its_address(machine: Machine, tmp_path: Path) -> None:
    """Name, context, nodes with the control plane first, loopback URL and version are those of the new cluster."""
    cluster = opened(blueprint(machine, tmp_path))
    address = cluster.address
    assert cluster.created
    assert (address.name, address.context, address.nodes) == ("shop", "kind-shop", NODES)
    assert address.server_version == "v1.37.2"
    assert address.ingress_url == f"http://127.0.0.1:{machine.labels('shop-owner')['kindgate.host-port']}"
    assert address.ingress_tls_url == f"https://127.0.0.1:{machine.labels('shop-owner')['kindgate.tls-port']}"
    cluster.close(failed=False)


def test_the_kubeconfig_is_private(machine: Machine, tmp_path: Path) -> None:
    """The kubeconfig is a credential: mode 0600, in a folder of mode 0700."""
    cluster = opened(blueprint(machine, tmp_path))
    kubeconfig = cluster.address.kubeconfig
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    assert kubeconfig.parent.stat().st_mode & 0o777 == 0o700
    cluster.close(failed=False)


def test_a_closed_cluster_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    """Nodes, network, state and companion go with the run that made them."""
    cluster = opened(blueprint(machine, tmp_path))
    assert set(machine.containers) == {*NODES, "shop-owner"}
    assert machine.networks == ["kindgate-shop"]
    assert cluster.close(failed=True) is False
    assert nothing_left(machine, tmp_path)


def test_a_kubeconfig_that_was_asked_for_goes_too(machine: Machine, tmp_path: Path) -> None:
    """--kubeconfig FILE is written, private, and removed with the cluster."""
    file = tmp_path / "asked.yaml"
    cluster = opened(blueprint(machine, tmp_path, kubeconfig=file))
    assert file.stat().st_mode & 0o777 == 0o600
    cluster.close(failed=False)
    assert not file.exists()


def test_a_kubeconfig_that_is_there_is_refused(machine: Machine, tmp_path: Path) -> None:
    """A user's own kubeconfig is neither merged into nor deleted."""
    file = tmp_path / "config"
    file.write_text("kind: Config\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"--kubeconfig .*config: the file already exists"):
        opened(blueprint(machine, tmp_path, kubeconfig=file))
    assert file.read_text(encoding="utf-8") == "kind: Config\n"
    assert not machine.containers


def test_a_kubeconfig_that_others_merged_into_stays(machine: Machine, tmp_path: Path) -> None:
    """Another tool has written its own context into the file meanwhile: deleting it would take that away."""
    file = tmp_path / "asked.yaml"
    cluster = opened(blueprint(machine, tmp_path, kubeconfig=file))
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["contexts"].append({"name": "production", "context": {"cluster": "production", "user": "me"}})
    file.write_text(yaml.safe_dump(content), encoding="utf-8")

    cluster.close(failed=False)

    assert "production" in file.read_text(encoding="utf-8")
    assert nothing_left(machine, tmp_path)


@pytest.mark.parametrize(("failed", "kept"), [(True, True), (False, False)])
def test_keep_on_failure_keeps_after_failures_alone(machine: Machine, tmp_path: Path, *, failed: bool, kept: bool) -> None:
    """--kind-keep=on-failure looks at how the run went."""
    cluster = opened(blueprint(machine, tmp_path, keep="on-failure"))
    assert cluster.close(failed=failed) is kept
    assert bool(machine.containers) is kept


def test_a_kept_cluster_is_reused_and_left(machine: Machine, tmp_path: Path) -> None:
    """A second run of the same configuration takes the kept cluster and leaves it, whatever it was told to keep."""
    with kept_cluster(machine, tmp_path) as first:
        second = opened(blueprint(machine, tmp_path, keep="never"))
        assert not second.created
        assert second.address.reused
        assert second.address.ingress_url == first.address.ingress_url
        assert second.address.ingress_tls_url == first.address.ingress_tls_url
        assert second.address.ca_file == first.address.ca_file
        assert second.close(failed=False)
        assert set(NODES) <= set(machine.containers)


def test_a_kept_cluster_of_another_shape_is_created_anew(machine: Machine, tmp_path: Path) -> None:
    """The run says why the kept cluster will not do, and deletes it before it creates its own."""
    with kept_cluster(machine, tmp_path):
        said: list[str] = []
        cluster = opened(blueprint(machine, tmp_path, workers=1), said)
        assert cluster.created
        assert said[0] == cluster.note
        assert "its configuration, node image or versions differ" in cluster.note
        assert len(cluster.address.nodes) == 2
        assert cluster.close(failed=False) is False


def test_a_kept_cluster_on_another_port_is_created_anew(machine: Machine, tmp_path: Path) -> None:
    """An asked port decides; without one, any port of the kept cluster will do."""
    with kept_cluster(machine, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        cluster = opened(blueprint(machine, tmp_path, host_port=port))
        assert cluster.created
        assert f"not on {port}" in cluster.note
        assert cluster.address.ingress_url == f"http://127.0.0.1:{port}"
        cluster.close(failed=False)


def test_a_kept_cluster_that_stopped_is_created_anew(machine: Machine, tmp_path: Path) -> None:
    """Containers that a reboot has stopped are of no use."""
    with kept_cluster(machine, tmp_path):
        machine.stop("shop-worker")
        cluster = opened(blueprint(machine, tmp_path))
        assert cluster.note == "recreating cluster shop: its containers are no longer running"
        cluster.close(failed=False)


def test_a_cluster_in_use_is_refused_with_the_runs_pid(machine: Machine, tmp_path: Path) -> None:
    """A living run's name is not taken; the error names its process."""
    cluster = opened(blueprint(machine, tmp_path, keep="always"))
    pid = machine.labels("shop-owner")["kindgate.pid"]
    with pytest.raises(OwnershipError, match=f"in use by a running run: pid {pid}"):
        opened(blueprint(machine, tmp_path))
    with pytest.raises(OwnershipError, match=f"in use by a running run: pid {pid}"):
        delete_named(machine.engine, "shop", Deadline.after(10))
    cluster.close(failed=False)
    assert delete_named(machine.engine, "shop", Deadline.after(10))
    assert nothing_left(machine, tmp_path)


def test_a_foreign_cluster_is_neither_used_nor_deleted(machine: Machine, tmp_path: Path) -> None:
    """A cluster of that name that kindgate did not create is an error, and stays."""
    machine.add("shop-control-plane", {"io.x-k8s.kind.cluster": "shop", "io.x-k8s.kind.role": "control-plane"})
    with pytest.raises(OwnershipError, match="kindgate did not create it"):
        opened(blueprint(machine, tmp_path))
    with pytest.raises(OwnershipError, match="kindgate did not create it"):
        delete_named(machine.engine, "shop", Deadline.after(10))
    assert machine.containers == ["shop-control-plane"]


def test_deleting_what_is_not_there_is_fine(machine: Machine) -> None:
    """`kindgate down` can be run again."""
    assert delete_named(machine.engine, "shop", Deadline.after(10)) is False


def test_a_kind_that_fails_leaves_nothing_and_is_quoted(machine: Machine, tmp_path: Path) -> None:
    """The error carries kind's own reason; containers, network and state are gone."""
    machine.tell("kind-says", "ERROR: failed to create cluster: could not find a log line")
    failures: list[str] = []
    plan = blueprint(machine, tmp_path)
    plan = Blueprint(plan.settings, plan.engine, plan.kind, plan.node_image, on_failure=lambda address, _: failures.append(address.name))
    with pytest.raises(ClusterError, match="kind could not create cluster shop: failed to create cluster: could not find a log line"):
        opened(plan)
    assert failures == ["shop"]
    assert nothing_left(machine, tmp_path)


def test_a_program_that_is_no_kind_is_told(machine: Machine, tmp_path: Path) -> None:
    """It says that all is well and has made nothing; what it printed cannot command the terminal."""
    machine.tell("kind-is-none")
    with pytest.raises(ClusterError, match="kind reported success but wrote no kubeconfig") as caught:
        opened(blueprint(machine, tmp_path))
    assert "garbage" in caught.value.last_state
    assert "\x1b" not in str(caught.value)
    assert "kind" in caught.value.next_step
    assert nothing_left(machine, tmp_path)


def test_a_kind_that_hangs_is_ended_at_the_deadline(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hanging kind had created goes with it."""
    monkeypatch.setattr("kindgate.cluster.life.SETTLE_SECONDS", 0.1)  # the stand-in for the engine is done when it answers
    machine.tell("kind-hangs")
    with pytest.raises(ClusterError, match="kind did not finish creating cluster shop"):
        open_cluster(blueprint(machine, tmp_path), deadline=Deadline.after(2), progress=str)
    assert nothing_left(machine, tmp_path)


def test_a_kubeadm_that_fails_once_is_tried_again(machine: Machine, tmp_path: Path) -> None:
    """What a busy machine was too slow for works the second time; the run says so, and nothing of the first attempt is left."""
    machine.tell("kind-says", "ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1")
    said: list[str] = []
    cluster = opened(blueprint(machine, tmp_path), said)
    assert any(line.endswith("retrying") for line in said)
    assert "was created on the second attempt: kind could not create cluster shop" in cluster.note
    cluster.close(failed=False)
    assert nothing_left(machine, tmp_path)


def test_the_nodes_are_told_while_workers_still_join(machine: Machine, tmp_path: Path) -> None:
    """There is time to use before kind is done: here it is done only when its nodes were told."""
    machine.tell("kind-joins")
    told: list[tuple[str, ...]] = []

    def on_nodes(address: ClusterAddress) -> None:
        told.append(address.nodes)
        machine.tell("joined")

    cluster = opened(replace(blueprint(machine, tmp_path), on_nodes=on_nodes))
    assert told == [NODES]
    cluster.close(failed=False)


def test_a_single_node_is_told_when_kind_is_done(machine: Machine, tmp_path: Path) -> None:
    """Without workers kind says nothing of its nodes before."""
    told: list[tuple[str, ...]] = []
    cluster = opened(replace(blueprint(machine, tmp_path, workers=0), on_nodes=lambda address: told.append(address.nodes)))
    assert told == [("shop-control-plane",)]
    cluster.close(failed=False)


def test_every_attempt_tells_its_nodes(machine: Machine, tmp_path: Path) -> None:
    """Those of the first attempt are gone when kubeadm works the second time."""
    machine.tell("kind-says", "ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1")
    told: list[tuple[str, ...]] = []
    cluster = opened(replace(blueprint(machine, tmp_path), on_nodes=lambda address: told.append(address.nodes)))
    assert told == [NODES, NODES]
    cluster.close(failed=False)


def test_a_kubeadm_that_fails_twice_is_an_error(machine: Machine, tmp_path: Path) -> None:
    """There is no third attempt."""
    machine.tell("kind-says", "ERROR: failed to init node with kubeadm: first\nERROR: failed to init node with kubeadm: second")
    with pytest.raises(ClusterError, match="second"):
        opened(blueprint(machine, tmp_path))
    assert nothing_left(machine, tmp_path)


def test_a_stolen_port_is_replaced_once(machine: Machine, tmp_path: Path) -> None:
    """The port that somebody takes between choice and use costs one more attempt, not the run."""
    machine.tell("kind-says", "ERROR: Bind for 127.0.0.1:1 failed: port is already allocated")
    said: list[str] = []
    cluster = opened(blueprint(machine, tmp_path), said)
    assert any("retrying with another port" in line for line in said)
    cluster.close(failed=False)
    assert nothing_left(machine, tmp_path)


def test_an_asked_port_that_is_stolen_is_the_users_matter(machine: Machine, tmp_path: Path) -> None:
    """An asked port is not replaced by another."""
    machine.tell("kind-says", "ERROR: Bind for 127.0.0.1:1 failed: port is already allocated")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SettingsError, match=f"--kind-host-port {port}: port {port} on 127.0.0.1 is in use"):
        opened(blueprint(machine, tmp_path, host_port=port))
    assert nothing_left(machine, tmp_path)


def test_a_cluster_that_cannot_be_used_is_deleted(machine: Machine, tmp_path: Path) -> None:
    """A kind that succeeds is not enough; what it made goes when the proof fails."""
    machine.tell("stopped", "shop-worker2")
    with pytest.raises(ClusterError, match=r"cluster shop was created but is not usable: .*node shop-worker2"):
        opened(blueprint(machine, tmp_path))
    assert nothing_left(machine, tmp_path)


def test_a_node_image_that_is_not_there_is_named(machine: Machine, tmp_path: Path) -> None:
    """Nothing is created for an image that the engine does not have."""
    plan = blueprint(machine, tmp_path)
    with pytest.raises(ClusterError, match="node image none:v1 was not found in the engine"):
        opened(Blueprint(plan.settings, plan.engine, plan.kind, "none:v1"))
    assert nothing_left(machine, tmp_path)


def test_the_configuration_of_file_and_hook_reaches_kind(machine: Machine, tmp_path: Path) -> None:
    """What kind gets is our configuration with the user's file, a hook's part and the ingress mapping."""
    file = tmp_path / "kind.yaml"
    file.write_text("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nfeatureGates: {A: true}\n", encoding="utf-8")
    plan = blueprint(machine, tmp_path, config=Path("kind.yaml"))
    plan = Blueprint(plan.settings, plan.engine, plan.kind, plan.node_image, changes=({"featureGates": {"B": True}},))
    cluster = opened(plan)
    written = yaml.safe_load((cluster.address.kubeconfig.parent / "kind.yaml").read_text(encoding="utf-8"))
    assert written["featureGates"] == {"A": True, "B": True}
    assert written["nodes"][0]["extraPortMappings"][0]["containerPort"] == 80
    cluster.close(failed=False)
