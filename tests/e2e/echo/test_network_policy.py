"""The cluster's network enforces NetworkPolicies, so an application that relies on them is tested with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from kindgate import CommandError, Deadline, Pending, Ready, wait_for
from tests.e2e.namespaces import namespace_for_pods

if TYPE_CHECKING:
    from kindgate import Cluster

pytestmark = pytest.mark.e2e

PORT = 5678
REQUEST = r"printf 'GET / HTTP/1.0\r\n\r\n'"
POLICY_SECONDS = 60.0
"""A network plugin programs a policy some seconds after the API server accepts it."""


def pod(name: str, image: str, *command: str) -> dict[str, Any]:
    """A pod with one container, selected by the label `app`."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "args": list(command)}],
        },
    }


def policy(*allowed: str) -> dict[str, Any]:
    """A policy that allows only these pods of the namespace to connect to the server."""
    peers = [{"podSelector": {"matchLabels": {"app": name}}} for name in allowed]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "server"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "server"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": peers}] if peers else [],
        },
    }


class Neighbors:
    """A server and a client in a separate namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def apply(self, manifest: dict[str, Any]) -> None:
        """Create or change an object in the namespace."""
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self._cluster.kubectl("--namespace", self._namespace, *arguments, stdin=stdin)

    def wait_until(self, *, connected: bool) -> None:
        """Wait until the client's requests succeed, or fail. Raises `WaitTimeout`."""

        def probe() -> Ready[None] | Pending:
            answered, output = self._request()
            return Ready(None) if answered == connected else Pending(output)

        what = "the server to answer" if connected else "the connection to be refused"
        wait_for(what, probe, Deadline.after(POLICY_SECONDS), interval=0.5)

    def _request(self) -> tuple[bool, str]:
        """Whether the server responded to the client, and the output."""
        address = self.kubectl("get", "pod", "server", "--output", "jsonpath={.status.podIP}")
        try:
            return True, self.kubectl("exec", "client", "--", "sh", "-c", f"{REQUEST} | nc -w 2 {address} {PORT}")
        except CommandError as error:
            return False, str(error)


@pytest.fixture(name="neighbors")
def _neighbors(cluster: Cluster) -> Iterator[Neighbors]:
    """Both pods, running."""
    with namespace_for_pods(cluster, "neighbors") as namespace:
        neighbors = Neighbors(cluster, namespace)
        neighbors.apply(pod("server", "docker.io/hashicorp/http-echo:1.0", "-listen", f":{PORT}", "-text", "hello"))
        neighbors.apply(pod("client", "docker.io/library/busybox:1.35", "sleep", "600"))
        neighbors.kubectl("wait", "pods", "--all", "--for", "condition=Ready", "--timeout", "60s")
        yield neighbors


def test_a_connection_denied_by_a_policy_is_refused(neighbors: Neighbors) -> None:
    """Traffic passes without a policy, is blocked by one that allows no pods, and passes again for an allowed client only."""
    neighbors.wait_until(connected=True)
    neighbors.apply(policy())
    neighbors.wait_until(connected=False)
    neighbors.apply(policy("client"))
    neighbors.wait_until(connected=True)
    neighbors.apply(policy("somebody-else"))
    neighbors.wait_until(connected=False)
