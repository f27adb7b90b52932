"""The fate of a test's namespace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.errors import ClusterError
from kindgate.model import ClusterAddress
from kindgate.plugin import namespaces
from kindgate.plugin.cluster import Cluster
from kindgate.plugin.namespaces import Cleanup, cleanup_after, namespace_for
from kindgate.settings import Keep
from tests.unit.deploy.standin import ApiServer, Refusal, kubeconfig, serving

PASSED = {"setup": "passed", "call": "passed"}
FAILED = {"setup": "passed", "call": "failed"}


@pytest.mark.parametrize(
    ("outcomes", "keep", "expected"),
    [
        (PASSED, "never", Cleanup.DELETE),
        (PASSED, "on-failure", Cleanup.DELETE),
        (PASSED, "always", Cleanup.DELETE),
        (FAILED, "never", Cleanup.DELETE),
        (FAILED, "on-failure", Cleanup.KEEP),
        (FAILED, "always", Cleanup.KEEP),
        ({"setup": "failed"}, "on-failure", Cleanup.KEEP),
        ({"setup": "passed", "call": "skipped"}, "always", Cleanup.DELETE),
        ({"setup": "passed"}, "never", Cleanup.ABANDON),
        ({}, "always", Cleanup.ABANDON),
    ],
)
def test_only_a_failed_tests_namespace_is_kept(outcomes: dict[str, str], keep: Keep, expected: Cleanup) -> None:
    """It is kept only if the cluster may be kept; an interrupted test's namespace is left until the cluster is deleted."""
    assert cleanup_after(outcomes, keep) is expected


@pytest.fixture(name="api_server")
def _api_server() -> Iterator[ApiServer]:
    """A stand-in API server."""
    with serving() as server:
        yield server


@pytest.fixture(name="cluster")
def _cluster(api_server: ApiServer, tmp_path: Path) -> Cluster:
    """The cluster of the stand-in API server."""
    return Cluster(ClusterAddress("test", kubeconfig(tmp_path, api_server.url), "test", ""), Path("kubectl"))


def test_a_namespace_exists_for_its_test_only(api_server: ApiServer, cluster: Cluster) -> None:
    """It is named after the test, enforces the restricted profile, and is deleted before the next test."""
    with namespace_for(cluster, "test_pods[one]") as name:
        labels = api_server.objects[f"/api/v1/namespaces/{name}"]["metadata"]["labels"]
        assert name.startswith("test-pods-one-")
        assert labels == {"pod-security.kubernetes.io/enforce": "restricted", "kindgate.dev/test": "true"}
    assert f"/api/v1/namespaces/{name}" not in api_server.objects


def test_a_namespace_accepts_pods_from_the_start(api_server: ApiServer, cluster: Cluster) -> None:
    """The block begins when the namespace has its service account, without which every pod is refused."""
    missing = Refusal("GET", "/serviceaccounts/default", 404, "not found", times=2)
    api_server.refusals = [missing]
    with namespace_for(cluster, "test_pods") as name:
        asked = [path for method, path, _ in api_server.requests if method == "GET"]
    assert asked[:3] == [f"/api/v1/namespaces/{name}/serviceaccounts/default"] * 3


def test_a_namespace_without_a_service_account_is_reported(
    api_server: ApiServer, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test is not blamed for a controller that does not run."""
    monkeypatch.setattr(namespaces, "ACCOUNT_SECONDS", 0.3)
    api_server.refusals = [Refusal("GET", "/serviceaccounts/default", 404, "not found")]
    with pytest.raises(ClusterError, match="got no service account"), namespace_for(cluster, "test_pods"):
        pass


def test_a_kept_namespace_stays(api_server: ApiServer, cluster: Cluster) -> None:
    """Nothing deletes the namespace of a failed test that is kept."""
    with namespace_for(cluster, "test_pods", lambda: Cleanup.KEEP) as name:
        pass
    assert f"/api/v1/namespaces/{name}" in api_server.objects


def test_a_rejected_namespace_is_a_cluster_error_in_the_servers_words(api_server: ApiServer, cluster: Cluster) -> None:
    """The message names the namespace and quotes the server."""
    api_server.refusals = [Refusal("POST", "/namespaces", 403, "users may not create namespaces")]
    with pytest.raises(ClusterError, match=r"namespace test-pods-.*: users may not create namespaces"), namespace_for(cluster, "test_pods"):
        pass


def test_a_deletion_is_retried_while_the_server_is_overloaded(api_server: ApiServer, cluster: Cluster) -> None:
    """One 503 fails no test."""
    with namespace_for(cluster, "test_pods") as name:
        api_server.refusals = [Refusal(method, name, 503, "overloaded", times=1) for method in ("DELETE", "GET")]
    assert f"/api/v1/namespaces/{name}" not in api_server.objects


def test_a_namespace_that_stays_is_reported_with_the_cause(
    api_server: ApiServer, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the condition that blocks the deletion."""
    monkeypatch.setattr(namespaces, "DELETE_SECONDS", 0.3)
    api_server.finalizers = ("example.test/hold",)
    condition = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "example.test/hold in 1 resource instances"}
    with pytest.raises(ClusterError, match="was not deleted") as caught, namespace_for(cluster, "test_pods") as name:
        api_server.objects[f"/api/v1/namespaces/{name}"]["status"] = {"conditions": [condition]}
    assert "example.test/hold in 1 resource" in caught.value.last_state
