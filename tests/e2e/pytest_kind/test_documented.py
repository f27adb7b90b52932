"""Features documented in pytest-kind's README but not in its examples: attributes, namespaces in `port_forward`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from kindgate.plugin.kind_cluster import KindCluster


def test_the_documented_attributes_exist(kind_cluster: KindCluster) -> None:
    """Name, kubeconfig and both tools are usable without the object's methods."""
    kubectl = [str(kind_cluster.kubectl_path), "--kubeconfig", str(kind_cluster.kubeconfig_path), "get", "nodes", "--output", "name"]
    nodes = subprocess.check_output(kubectl, text=True, timeout=60).split()
    listed = subprocess.check_output([str(kind_cluster.kind_path), "version"], text=True, timeout=60)

    assert f"node/{kind_cluster.name}-control-plane" in nodes
    assert listed.startswith("kind v")


def test_a_port_is_forwarded_into_another_namespace(kind_cluster: KindCluster) -> None:
    """Extra arguments go to kubectl, including the namespace."""
    with kind_cluster.port_forward("deployment/coredns", 9153, "-n", "kube-system") as port:
        assert "coredns_build_info" in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text


def test_a_failing_kubectl_raises_as_pytest_kind_does(kind_cluster: KindCluster) -> None:
    """Suites can catch subprocess's own exception."""
    with pytest.raises(subprocess.CalledProcessError):
        kind_cluster.kubectl("get", "nonsense")
