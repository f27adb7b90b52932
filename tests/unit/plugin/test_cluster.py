"""Calls to the cluster from tests end within a timeout."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import urllib3
import yaml

from kindgate.model import ClusterAddress
from kindgate.plugin import cluster as module
from kindgate.plugin.cluster import Cluster


def test_a_call_to_a_hung_server_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused node accepts connections but answers none; a test without its own timeout fails instead of hanging."""
    monkeypatch.setattr(module, "API_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        content = {
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{silent.getsockname()[1]}"}}],
            "users": [{"name": "c", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
        cluster = Cluster(ClusterAddress("c", tmp_path / "kubeconfig", "c", ""), Path("kubectl"))

        with pytest.raises(urllib3.exceptions.HTTPError, match="timed out"):
            cluster.core.list_node()
        cluster.close()
