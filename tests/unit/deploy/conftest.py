"""Fixtures of the deploy room: a server that speaks the Kubernetes API, and its address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.model import ClusterAddress
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    """An API server with the namespaces that every cluster has, and no other objects."""
    with serving() as server:
        yield server


@pytest.fixture
def address(api_server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The address of `api_server`, a cluster of our own."""
    return ClusterAddress("test", kubeconfig(tmp_path, api_server.url, {"token": "secret-token"}), "test", "http://127.0.0.1:1")
