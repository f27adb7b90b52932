"""pytest-kind's cluster object: the same methods without its defects."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pykube
import pytest
import pytest_kind

from kindgate.errors import ClusterError, ToolError
from kindgate.model import ClusterAddress
from kindgate.plugin.kind_cluster import KindCluster
from tests.unit.cluster.machine import Machine
from tests.unit.cluster.stand_in import write_kubeconfig

KUBECTL = """
import os, pathlib, socket, sys, time
here = pathlib.Path(__file__).parent
if sys.argv[1] != "port-forward":
    print(os.environ["KUBECONFIG"], *sys.argv[1:])
    sys.exit("boom" in sys.argv)
tries = here / "tries"
tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
if len(tries.read_text()) <= int((here / "failures").read_text()):
    sys.exit("error: unable to forward port because pod is not running. Current status=Pending")
local, remote = sys.argv[3].split(":")
server = socket.create_server(("127.0.0.1", int(local or 0)))
print(f"Forwarding from 127.0.0.1:{server.getsockname()[1]} -> {remote}", flush=True)
while True:
    connection, _ = server.accept()
    print("Handling connection for it" * 10_000, flush=True)
    connection.sendall(" ".join(sys.argv[1:]).encode())
    connection.close()
"""


@pytest.fixture
def suite(machine: Machine, tmp_path: Path) -> Iterator[KindCluster]:
    """The cluster object of a suite, with a kubectl that prints its arguments."""
    program = tmp_path / "kubectl.py"
    program.write_text(KUBECTL, encoding="utf-8")
    (tmp_path / "failures").write_text("0", encoding="utf-8")
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {program} "$@"\n', encoding="utf-8")
    kubectl.chmod(0o755)
    kubeconfig = tmp_path / "kubeconfig"
    write_kubeconfig(kubeconfig, "kind-shop", machine.api)
    address = ClusterAddress("shop", kubeconfig, "kind-shop", "http://127.0.0.1:1", ("shop-control-plane",), node_image="node:1")
    with closing(KindCluster(address, kind=machine.kind, kubectl=kubectl)) as cluster:
        yield cluster


def answer_at(port: int) -> str:
    """Return the response on a loopback port."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        return connection.makefile().read()


def test_the_cluster_is_pytest_kinds_but_leaves_the_working_folder_alone(
    suite: KindCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has pytest-kind's class and attributes, but creates no folder."""
    monkeypatch.chdir(tmp_path)
    assert isinstance(suite, pytest_kind.KindCluster)
    assert (suite.name, suite.image, suite.kubeconfig_path) == ("shop", "node:1", tmp_path / "kubeconfig")
    suite.ensure_kind()
    suite.ensure_kubectl()
    assert not (tmp_path / ".pytest-kind").exists()


def test_kubectl_returns_its_output(suite: KindCluster) -> None:
    """The output is a string, and kubectl uses the cluster's kubeconfig."""
    assert suite.kubectl("get", "pods") == f"{suite.kubeconfig_path} get pods\n"


def test_kubectl_is_logged(suite: KindCluster, caplog: pytest.LogCaptureFixture) -> None:
    """It is a command like kindgate's own."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        suite.kubectl("get", "pods")

    assert caplog.messages[-1].startswith(f"{suite.kubectl_path} get pods: done in ")


def test_a_failing_kubectl_raises_what_pytest_kind_raises(suite: KindCluster) -> None:
    """The error is subprocess's own, because suites catch that."""
    with pytest.raises(subprocess.CalledProcessError):
        suite.kubectl("boom")


def test_the_api_is_a_pykube_client(suite: KindCluster) -> None:
    """`api.version` is asserted in the README's first example."""
    assert isinstance(suite.api, pykube.HTTPClient)
    assert suite.api.version == ("1", "37")


def test_no_proxy_is_used_for_this_machine(suite: KindCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy cannot reach the cluster, and kubectl bypasses it too."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    suite.create()
    assert suite.api.version == ("1", "37")


def test_a_port_is_forwarded_within_the_block(suite: KindCluster) -> None:
    """The port responds only inside the context; the arguments are passed through."""
    with suite.port_forward("service/shop", 80, "-n", "demo") as port:
        assert answer_at(port) == "port-forward service/shop :80 -n demo"
    with pytest.raises(ConnectionRefusedError):
        answer_at(port)


def test_many_forwarded_connections_do_not_block_kubectl(suite: KindCluster) -> None:
    """Unread output, one line of kubectl per connection, does not block the forward."""
    with suite.port_forward("service/shop", 80) as port:
        assert {answer_at(port) for _ in range(5)} == {"port-forward service/shop :80"}


def test_the_requested_local_port_is_used(suite: KindCluster) -> None:
    """`local_port` is used as given."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        requested_port = server.getsockname()[1]
    with suite.port_forward("service/shop", 80, local_port=requested_port) as port:
        assert port == requested_port


def test_port_forwarding_retries_until_the_pod_runs(suite: KindCluster, tmp_path: Path) -> None:
    """As in pytest-kind, the first failure is retried."""
    (tmp_path / "failures").write_text("2", encoding="utf-8")
    with suite.port_forward("service/shop", 80, retries=20) as port:
        assert "service/shop" in answer_at(port)


def test_a_failed_port_forward_reports_the_cause(suite: KindCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error includes kubectl's message."""
    monkeypatch.setattr("kindgate.plugin.kind_cluster.RETRY_SECONDS", 0.5)
    (tmp_path / "failures").write_text("1000", encoding="utf-8")
    with (
        pytest.raises(ClusterError, match="timed out waiting for `kubectl port-forward service/shop`"),
        suite.port_forward("service/shop", 80, retries=1),
    ):
        pass


def test_create_reuses_the_runs_cluster(suite: KindCluster, machine: Machine) -> None:
    """pytest-kind's `create` reuses an existing cluster; a deleted one is an error."""
    suite.create()
    machine.deleted.add("/version")
    with pytest.raises(ClusterError, match="cannot use context"):
        suite.create()


def test_the_runs_cluster_cannot_be_configured_or_deleted(suite: KindCluster, tmp_path: Path) -> None:
    """Every test of the run uses the cluster, so it cannot be reconfigured or deleted."""
    with pytest.raises(ClusterError, match="the cluster already exists"):
        suite.create(tmp_path / "kind.yaml")
    with pytest.raises(ClusterError, match="is in use by the run"):
        suite.delete()


def test_a_missing_tool_is_not_downloaded(suite: KindCluster) -> None:
    """pytest-kind would download the tool without a checksum."""
    suite.kubectl_path = Path("/nowhere/kubectl")
    with pytest.raises(ToolError, match="/nowhere/kubectl no longer exists"):
        suite.kubectl("get", "pods")


def test_images_are_not_loaded_into_an_existing_cluster(suite: KindCluster, machine: Machine) -> None:
    """An existing cluster has no reachable node containers."""
    address = ClusterAddress("stage", suite.kubeconfig_path, "kind-shop", "http://x", existing=True)
    external = KindCluster(address, kind=machine.kind, kubectl=suite.kubectl_path)
    with pytest.raises(ClusterError, match="cannot load images into cluster stage"):
        external.load_docker_image("shop:1")
