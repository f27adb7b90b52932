"""An existing cluster: connected to, or rejected with the cause; never created, never deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.cluster.attach import attach_existing
from kindgate.errors import ClusterError, KindgateError, SettingsError
from kindgate.settings import ClusterSettings
from kindgate.waiting import Deadline
from tests.unit.cluster.machine import Machine
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
