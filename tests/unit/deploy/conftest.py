"""Fixtures for the kindgate.deploy tests: a stand-in Kubernetes API server and its address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.model import ClusterAddress
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    """A stand-in API server with the namespaces every cluster has and no other objects."""
    with serving() as server:
        yield server


@pytest.fixture
def address(api_server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The address of `api_server`, as a cluster created by kindgate."""
    return ClusterAddress("test", kubeconfig(tmp_path, api_server.url, {"token": "secret-token"}), "test", "http://127.0.0.1:1")
