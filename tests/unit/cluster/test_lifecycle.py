"""A cluster's lifecycle with a stand-in engine and kind: created, reused, kept, deleted, and cleaned up after failures."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.cluster.delete import delete_named
from kindgate.cluster.lifecycle import ClusterSpec, OpenCluster, open_cluster
from kindgate.errors import ClusterError, OwnershipError, SettingsError
from kindgate.model import ClusterAddress
from kindgate.settings import ClusterSettings, Settings
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import NODE_IMAGE, Machine

NODES = ("shop-control-plane", "shop-worker", "shop-worker2")


def cluster_spec(machine: Machine, root: Path, **changes: Any) -> ClusterSpec:
    """The specification of a three-node cluster `shop` with these cluster settings."""
    settings = Settings(root=root, cluster=ClusterSettings(name="shop", **changes))
    return ClusterSpec(settings, machine.engine, machine.kind, NODE_IMAGE)


def opened(spec: ClusterSpec, messages: list[str] | None = None) -> OpenCluster:
    """Open the cluster within half a minute; `messages` collects the progress."""
    return open_cluster(spec, deadline=Deadline.after(30), progress=(messages if messages is not None else []).append)


def is_all_deleted(machine: Machine, folder: Path) -> bool:
    """Return whether containers, networks and state folders are gone."""
    state = folder / "state" / "clusters"
    return not machine.containers and not machine.networks and not (state.exists() and list(state.iterdir()))


@contextmanager
def kept_cluster(machine: Machine, root: Path, **changes: Any) -> Iterator[OpenCluster]:
    """A cluster kept by an earlier run."""
    first_cluster = opened(cluster_spec(machine, root, keep="always", **changes))
    assert first_cluster.close(failed=False)
    yield first_cluster
    delete_named(machine.engine, "shop", Deadline.after(10))


def test_a_created_cluster_is_reachable_by_its_address(machine: Machine, tmp_path: Path) -> None:
    """Name, context, nodes (control plane first), loopback URL and version are those of the new cluster."""
    cluster = opened(cluster_spec(machine, tmp_path))
    address = cluster.address
    assert cluster.created
    assert (address.name, address.context, address.nodes) == ("shop", "kind-shop", NODES)
    assert address.server_version == "v1.37.2"
    assert address.ingress_url == f"http://127.0.0.1:{machine.labels('shop-owner')['kindgate.host-port']}"
    assert address.ingress_tls_url == f"https://127.0.0.1:{machine.labels('shop-owner')['kindgate.tls-port']}"
    cluster.close(failed=False)


def test_the_kubeconfig_is_private(machine: Machine, tmp_path: Path) -> None:
    """The kubeconfig is a credential: mode 0600, in a folder of mode 0700."""
    cluster = opened(cluster_spec(machine, tmp_path))
    kubeconfig = cluster.address.kubeconfig
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    assert kubeconfig.parent.stat().st_mode & 0o777 == 0o700
    cluster.close(failed=False)


def test_a_closed_cluster_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    """Nodes, network, state and owner container are removed with the run that created them."""
    cluster = opened(cluster_spec(machine, tmp_path))
    assert set(machine.containers) == {*NODES, "shop-owner"}
    assert machine.networks == ["kindgate-shop"]
    assert cluster.close(failed=True) is False
    assert is_all_deleted(machine, tmp_path)


def test_a_requested_kubeconfig_is_deleted_too(machine: Machine, tmp_path: Path) -> None:
    """--kubeconfig FILE is written privately and removed with the cluster."""
    file = tmp_path / "asked.yaml"
    cluster = opened(cluster_spec(machine, tmp_path, kubeconfig=file))
    assert file.stat().st_mode & 0o777 == 0o600
    cluster.close(failed=False)
    assert not file.exists()


def test_an_existing_kubeconfig_is_refused(machine: Machine, tmp_path: Path) -> None:
    """A user's own kubeconfig is neither merged into nor deleted."""
    file = tmp_path / "config"
    file.write_text("kind: Config\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"--kubeconfig .*config: the file already exists"):
        opened(cluster_spec(machine, tmp_path, kubeconfig=file))
    assert file.read_text(encoding="utf-8") == "kind: Config\n"
    assert not machine.containers


def test_a_kubeconfig_with_foreign_contexts_is_kept(machine: Machine, tmp_path: Path) -> None:
    """If another tool merged its own context into the file, deleting it would lose that."""
    file = tmp_path / "asked.yaml"
    cluster = opened(cluster_spec(machine, tmp_path, kubeconfig=file))
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["contexts"].append({"name": "production", "context": {"cluster": "production", "user": "me"}})
    file.write_text(yaml.safe_dump(content), encoding="utf-8")

    cluster.close(failed=False)

    assert "production" in file.read_text(encoding="utf-8")
    assert is_all_deleted(machine, tmp_path)


@pytest.mark.parametrize(("failed", "kept"), [(True, True), (False, False)])
def test_keep_on_failure_keeps_only_after_failures(machine: Machine, tmp_path: Path, *, failed: bool, kept: bool) -> None:
    """--kind-keep=on-failure keeps the cluster only after a failed run."""
    cluster = opened(cluster_spec(machine, tmp_path, keep="on-failure"))
    assert cluster.close(failed=failed) is kept
    assert bool(machine.containers) is kept


def test_a_kept_cluster_is_reused_and_kept(machine: Machine, tmp_path: Path) -> None:
    """A second run with the same configuration reuses the kept cluster and keeps it, whatever its own setting."""
    with kept_cluster(machine, tmp_path) as first_cluster:
        second = opened(cluster_spec(machine, tmp_path, keep="never"))
        assert not second.created
        assert second.address.reused
        assert second.address.ingress_url == first_cluster.address.ingress_url
        assert second.address.ingress_tls_url == first_cluster.address.ingress_tls_url
        assert second.address.ca_file == first_cluster.address.ca_file
        assert second.close(failed=False)
        assert set(NODES) <= set(machine.containers)


def test_a_kept_cluster_of_another_shape_is_recreated(machine: Machine, tmp_path: Path) -> None:
    """The run reports why it cannot use the kept cluster, deletes it and creates a new one."""
    with kept_cluster(machine, tmp_path):
        messages: list[str] = []
        cluster = opened(cluster_spec(machine, tmp_path, workers=1), messages)
        assert cluster.created
        assert messages[0] == cluster.note
        assert "its configuration, node image or versions differ" in cluster.note
        assert len(cluster.address.nodes) == 2
        assert cluster.close(failed=False) is False


def test_a_kept_cluster_on_another_port_is_recreated(machine: Machine, tmp_path: Path) -> None:
    """A requested port must match; without one, any port of the kept cluster is used."""
    with kept_cluster(machine, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        cluster = opened(cluster_spec(machine, tmp_path, host_port=port))
        assert cluster.created
        assert f"not on {port}" in cluster.note
        assert cluster.address.ingress_url == f"http://127.0.0.1:{port}"
        cluster.close(failed=False)


def test_a_stopped_kept_cluster_is_recreated(machine: Machine, tmp_path: Path) -> None:
    """Containers stopped by a reboot cannot be reused."""
    with kept_cluster(machine, tmp_path):
        machine.stop("shop-worker")
        cluster = opened(cluster_spec(machine, tmp_path))
        assert cluster.note == "recreating cluster shop: its containers are no longer running"
        cluster.close(failed=False)


def test_a_cluster_in_use_is_refused_with_the_runs_pid(machine: Machine, tmp_path: Path) -> None:
    """A name in use by a running run is refused with that run's process id."""
    cluster = opened(cluster_spec(machine, tmp_path, keep="always"))
    pid = machine.labels("shop-owner")["kindgate.pid"]
    with pytest.raises(OwnershipError, match=f"in use by a running run: pid {pid}"):
        opened(cluster_spec(machine, tmp_path))
    with pytest.raises(OwnershipError, match=f"in use by a running run: pid {pid}"):
        delete_named(machine.engine, "shop", Deadline.after(10))
    cluster.close(failed=False)
    assert delete_named(machine.engine, "shop", Deadline.after(10))
    assert is_all_deleted(machine, tmp_path)


def test_a_foreign_cluster_is_neither_reused_nor_deleted(machine: Machine, tmp_path: Path) -> None:
    """A cluster with that name from outside kindgate is an error and is kept."""
    machine.add("shop-control-plane", {"io.x-k8s.kind.cluster": "shop", "io.x-k8s.kind.role": "control-plane"})
    with pytest.raises(OwnershipError, match="kindgate did not create it"):
        opened(cluster_spec(machine, tmp_path))
    with pytest.raises(OwnershipError, match="kindgate did not create it"):
        delete_named(machine.engine, "shop", Deadline.after(10))
    assert machine.containers == ["shop-control-plane"]


def test_deleting_a_missing_cluster_is_no_error(machine: Machine) -> None:
    """A second `kindgate down` is not an error."""
    assert delete_named(machine.engine, "shop", Deadline.after(10)) is False


def test_a_failed_kind_leaves_nothing_and_is_quoted(machine: Machine, tmp_path: Path) -> None:
    """The error includes kind's message; containers, network and state are removed."""
    machine.configure("kind-says", "ERROR: failed to create cluster: could not find a log line")
    failures: list[str] = []
    spec = cluster_spec(machine, tmp_path)
    spec = ClusterSpec(spec.settings, spec.engine, spec.kind, spec.node_image, on_failure=lambda address, _: failures.append(address.name))
    with pytest.raises(ClusterError, match="kind could not create cluster shop: failed to create cluster: could not find a log line"):
        opened(spec)
    assert failures == ["shop"]
    assert is_all_deleted(machine, tmp_path)


def test_a_program_other_than_kind_is_reported(machine: Machine, tmp_path: Path) -> None:
    """The program exits successfully but creates nothing; control characters in its output are escaped."""
    machine.configure("kind-is-none")
    with pytest.raises(ClusterError, match="kind reported success but wrote no kubeconfig") as caught:
        opened(cluster_spec(machine, tmp_path))
    assert "garbage" in caught.value.last_state
    assert "\x1b" not in str(caught.value)
    assert "kind" in caught.value.next_step
    assert is_all_deleted(machine, tmp_path)


def test_a_hanging_kind_is_terminated_at_the_deadline(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a hanging kind created is removed."""
    monkeypatch.setattr("kindgate.cluster.lifecycle.SETTLE_SECONDS", 0.1)  # the stand-in engine is done when it responds
    machine.configure("kind-hangs")
    with pytest.raises(ClusterError, match="kind did not finish creating cluster shop"):
        open_cluster(cluster_spec(machine, tmp_path), deadline=Deadline.after(2), progress=str)
    assert is_all_deleted(machine, tmp_path)


def test_a_failed_kubeadm_is_retried_once(machine: Machine, tmp_path: Path) -> None:
    """A failure on a busy machine is retried once and reported, and nothing of the first attempt is left."""
    machine.configure("kind-says", "ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1")
    messages: list[str] = []
    cluster = opened(cluster_spec(machine, tmp_path), messages)
    assert any(line.endswith("retrying") for line in messages)
    assert "was created on the second attempt: kind could not create cluster shop" in cluster.note
    cluster.close(failed=False)
    assert is_all_deleted(machine, tmp_path)


def test_the_nodes_are_reported_while_workers_still_join(machine: Machine, tmp_path: Path) -> None:
    """The callback runs before kind is done: here, kind finishes only after it."""
    machine.configure("kind-joins")
    reported: list[tuple[str, ...]] = []

    def on_nodes(address: ClusterAddress) -> None:
        reported.append(address.nodes)
        machine.configure("joined")

    cluster = opened(replace(cluster_spec(machine, tmp_path), on_nodes=on_nodes))
    assert reported == [NODES]
    cluster.close(failed=False)


def test_a_single_node_is_reported_after_kind_exits(machine: Machine, tmp_path: Path) -> None:
    """Without workers, kind reports its nodes only at the end."""
    reported: list[tuple[str, ...]] = []
    cluster = opened(replace(cluster_spec(machine, tmp_path, workers=0), on_nodes=lambda address: reported.append(address.nodes)))
    assert reported == [("shop-control-plane",)]
    cluster.close(failed=False)


def test_every_attempt_reports_its_nodes(machine: Machine, tmp_path: Path) -> None:
    """The nodes of a failed first attempt are gone, so the callback runs again."""
    machine.configure("kind-says", "ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1")
    reported: list[tuple[str, ...]] = []
    cluster = opened(replace(cluster_spec(machine, tmp_path), on_nodes=lambda address: reported.append(address.nodes)))
    assert reported == [NODES, NODES]
    cluster.close(failed=False)


def test_a_second_kubeadm_failure_is_an_error(machine: Machine, tmp_path: Path) -> None:
    """The creation is retried only once."""
    machine.configure("kind-says", "ERROR: failed to init node with kubeadm: first\nERROR: failed to init node with kubeadm: second")
    with pytest.raises(ClusterError, match="second"):
        opened(cluster_spec(machine, tmp_path))
    assert is_all_deleted(machine, tmp_path)


def test_a_stolen_port_is_replaced_once(machine: Machine, tmp_path: Path) -> None:
    """A free port that is taken between choice and use costs another attempt, not the run."""
    machine.configure("kind-says", "ERROR: Bind for 127.0.0.1:1 failed: port is already allocated")
    messages: list[str] = []
    cluster = opened(cluster_spec(machine, tmp_path), messages)
    assert any("retrying with another port" in line for line in messages)
    cluster.close(failed=False)
    assert is_all_deleted(machine, tmp_path)


def test_a_stolen_requested_port_is_an_error(machine: Machine, tmp_path: Path) -> None:
    """A requested port is not replaced."""
    machine.configure("kind-says", "ERROR: Bind for 127.0.0.1:1 failed: port is already allocated")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SettingsError, match=f"--kind-host-port {port}: port {port} on 127.0.0.1 is in use"):
        opened(cluster_spec(machine, tmp_path, host_port=port))
    assert is_all_deleted(machine, tmp_path)


def test_an_unusable_cluster_is_deleted(machine: Machine, tmp_path: Path) -> None:
    """If the readiness check fails, the cluster created by a successful kind is deleted."""
    machine.configure("stopped", "shop-worker2")
    with pytest.raises(ClusterError, match=r"cluster shop was created but is not usable: .*node shop-worker2"):
        opened(cluster_spec(machine, tmp_path))
    assert is_all_deleted(machine, tmp_path)


def test_a_missing_node_image_is_named(machine: Machine, tmp_path: Path) -> None:
    """An image missing from the engine is an error before anything is created."""
    spec = cluster_spec(machine, tmp_path)
    with pytest.raises(ClusterError, match="node image none:v1 was not found in the engine"):
        opened(ClusterSpec(spec.settings, spec.engine, spec.kind, "none:v1"))
    assert is_all_deleted(machine, tmp_path)


def test_the_configuration_of_file_and_hook_reaches_kind(machine: Machine, tmp_path: Path) -> None:
    """The configuration passed to kind is the default with the user's file, a hook's part and the ingress mapping."""
    file = tmp_path / "kind.yaml"
    file.write_text("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nfeatureGates: {A: true}\n", encoding="utf-8")
    spec = cluster_spec(machine, tmp_path, config=Path("kind.yaml"))
    spec = ClusterSpec(spec.settings, spec.engine, spec.kind, spec.node_image, changes=({"featureGates": {"B": True}},))
    cluster = opened(spec)
    written = yaml.safe_load((cluster.address.kubeconfig.parent / "kind.yaml").read_text(encoding="utf-8"))
    assert written["featureGates"] == {"A": True, "B": True}
    assert written["nodes"][0]["extraPortMappings"][0]["containerPort"] == 80
    cluster.close(failed=False)
