"""Existing clusters, the user's or a kept one: attached to, or rejected with the cause; never created, never deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.cluster.attach import attach_existing, find_cluster
from kindgate.cluster.lifecycle import ClusterSpec, open_cluster
from kindgate.errors import ClusterError, KindgateError, OwnershipError, SettingsError
from kindgate.settings import ClusterSettings, Settings
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import NODE_IMAGE, Machine
from tests.unit.cluster.stand_in import write_kubeconfig


def settings(folder: Path, server: str, **changes: Any) -> ClusterSettings:
    """Settings for an existing cluster with the context `stage`."""
    kubeconfig = folder / "config"
    write_kubeconfig(kubeconfig, "stage", server)
    return ClusterSettings(**{"existing": kubeconfig, "context": "stage", "ingress_url": "http://10.0.0.1:8080/", **changes})


def test_an_existing_cluster_is_reached_by_its_context(machine: Machine, tmp_path: Path) -> None:
    """The address is marked as existing, has no node containers, and the engine is not called."""
    address = attach_existing(settings(tmp_path, machine.api), deadline=Deadline.after(10))
    assert address.existing
    assert (address.context, address.server_version, address.nodes) == ("stage", "v1.37.2", ())
    assert address.ingress_url == "http://10.0.0.1:8080"


@pytest.mark.parametrize(
    ("changes", "error", "cause"),
    [
        ({"context": "prod"}, SettingsError, "--kind-context prod: context not found in "),
        ({"existing": Path("/nowhere/config")}, ClusterError, "cannot read kubeconfig /nowhere/config"),
        ({"ingress_url": "10.0.0.1"}, SettingsError, "--ingress-url 10.0.0.1: not a valid"),
        ({"ingress_url": "http://x:99999"}, SettingsError, "not a valid http or https URL"),
        ({"ingress_url": "http://x/path"}, SettingsError, "only scheme, host and port"),
        ({"ingress_tls_url": "http://x:443"}, SettingsError, "--ingress-tls-url http://x:443: not a valid https URL"),
        ({"ingress_tls_url": "https://x", "ingress_ca": Path("/nowhere.pem")}, SettingsError, "--ingress-ca /nowhere.pem: cannot be read"),
        ({"ingress_tls_url": "https://x", "ingress_ca": Path(__file__)}, SettingsError, "contains no certificate"),
    ],
)
def test_bad_input_is_refused_with_its_option(
    machine: Machine, tmp_path: Path, changes: dict[str, Any], error: type[KindgateError], cause: str
) -> None:
    """One line names the option and the error."""
    with pytest.raises(error, match=cause):
        attach_existing(settings(tmp_path, machine.api, **changes), deadline=Deadline.after(10))


def test_an_unknown_context_lists_the_available_ones(machine: Machine, tmp_path: Path) -> None:
    """The error for a misspelled context lists the existing ones."""
    with pytest.raises(SettingsError) as caught:
        attach_existing(settings(tmp_path, machine.api, context="stagee"), deadline=Deadline.after(10))
    assert caught.value.next_step == "available contexts: stage"


def test_an_unresponsive_server_is_named(tmp_path: Path) -> None:
    """The error names the context and the server."""
    with pytest.raises(ClusterError, match=r"context stage .* http://127.0.0.1:1 does not respond"):
        attach_existing(settings(tmp_path, "http://127.0.0.1:1"), deadline=Deadline.after(10))


def test_a_rejected_user_is_distinguished_from_an_unreachable_server(machine: Machine, tmp_path: Path) -> None:
    """The error points to the context's user, not to the network."""
    machine.forbidden = True
    with pytest.raises(ClusterError, match="returned 403 Forbidden") as caught:
        attach_existing(settings(tmp_path, machine.api), deadline=Deadline.after(10))
    assert caught.value.next_step == "check the credentials of the context's user"


def test_another_web_server_is_not_taken_for_an_api_server(machine: Machine, tmp_path: Path) -> None:
    """A web server that responds to every path is not taken for a cluster."""
    machine.version = []
    with pytest.raises(ClusterError, match="is not an API server"):
        attach_existing(settings(tmp_path, machine.api), deadline=Deadline.after(10))


def create_kept_cluster(machine: Machine, root: Path) -> None:
    """Create a cluster `shop` and keep it."""
    settings = Settings(root=root, cluster=ClusterSettings(name="shop", keep="always", workers=0))
    spec = ClusterSpec(settings, machine.engine, machine.kind, NODE_IMAGE)
    open_cluster(spec, deadline=Deadline.after(30), progress=str).close(failed=False)


def test_a_kept_cluster_is_found_by_its_name(machine: Machine, tmp_path: Path) -> None:
    """A step run by hand gets the same address as the run."""
    create_kept_cluster(machine, tmp_path)
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
    create_kept_cluster(machine, tmp_path)
    machine.stop("shop-control-plane")
    with pytest.raises(ClusterError, match="cluster shop is not running") as caught:
        find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))
    assert "shop-control-plane" in caught.value.last_state


def test_a_missing_kubeconfig_is_rewritten(machine: Machine, tmp_path: Path) -> None:
    """The kubeconfig is only a copy of the cluster's, so it can be written again."""
    create_kept_cluster(machine, tmp_path)
    before = find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))
    assert before is not None
    before.kubeconfig.unlink()
    address = find_cluster(machine.engine, "shop", machine.kind, Deadline.after(10))
    assert address == before
    assert address.kubeconfig.stat().st_mode & 0o777 == 0o600
