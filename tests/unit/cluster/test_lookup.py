"""A cluster found by its name in the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.cluster.attach import find_cluster
from kindgate.cluster.lifecycle import ClusterSpec, open_cluster
from kindgate.errors import ClusterError, OwnershipError
from kindgate.settings import ClusterSettings, Settings
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import NODE_IMAGE, Machine


def kept(machine: Machine, root: Path) -> None:
    """Create a cluster `shop` and keep it."""
    settings = Settings(root=root, cluster=ClusterSettings(name="shop", keep="always", workers=0))
    cluster_spec = ClusterSpec(settings, machine.engine, machine.kind, NODE_IMAGE)
    open_cluster(cluster_spec, deadline=Deadline.after(30), progress=str).close(failed=False)


def test_a_kept_cluster_is_found_by_its_name(machine: Machine, tmp_path: Path) -> None:
    """A step run by hand gets the same address as the run."""
    kept(machine, tmp_path)
    address = find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))
    assert address is not None
    assert (address.name, address.nodes, address.server_version) == ("shop", ("shop-control-plane",), "v1.37.2")


def test_a_missing_cluster_is_not_found(machine: Machine) -> None:
    """A missing cluster is not an error."""
    assert find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10)) is None


def test_a_foreign_cluster_is_refused(machine: Machine) -> None:
    """A foreign cluster is an error, as for creation."""
    machine.add("shop-control-plane", {"io.x-k8s.kind.cluster": "shop", "io.x-k8s.kind.role": "control-plane"})
    with pytest.raises(OwnershipError, match="kindgate did not create it"):
        find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))


def test_a_stopped_cluster_is_reported(machine: Machine, tmp_path: Path) -> None:
    """The error names the stopped containers."""
    kept(machine, tmp_path)
    machine.stop("shop-control-plane")
    with pytest.raises(ClusterError, match="cluster shop is not running") as caught:
        find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))
    assert "shop-control-plane" in caught.value.last_state


def test_a_missing_kubeconfig_is_rewritten(machine: Machine, tmp_path: Path) -> None:
    """The kubeconfig is only a copy of the cluster's, so it can be written again."""
    kept(machine, tmp_path)
    first = find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))
    assert first is not None
    first.kubeconfig.unlink()
    again = find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))
    assert again == first
    assert again.kubeconfig.stat().st_mode & 0o777 == 0o600
