"""The API server is the oracle for `--app-pod-security=baseline`, which its namespace label enforces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from kindgate import CommandError
from kindgate.deploy.pod_security import BASELINE, ENFORCE_LABEL
from tests.e2e.namespaces import namespace_for_pods
from tests.unit.deploy.pods import ALLOWED_PODS, POD, REJECTED_PODS

if TYPE_CHECKING:
    from kindgate import Cluster

pytestmark = pytest.mark.e2e


@pytest.fixture(name="confined")
def _confined(cluster: Cluster) -> Iterator[str]:
    """A namespace with the label that kindgate sets for an application."""
    with namespace_for_pods(cluster, "confined", {ENFORCE_LABEL: BASELINE}) as name:
        yield name


def refusal(cluster: Cluster, namespace: str, spec: dict[str, Any]) -> str:
    """The server's objection to a pod; empty if it accepts it."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": namespace}, "spec": {**POD, **spec}}
    try:
        cluster.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=json.dumps(pod))
    except CommandError as error:
        return str(error)
    return ""


def test_the_server_refuses_what_validation_refuses(cluster: Cluster, confined: str) -> None:
    """The refused pods include one with a host volume, through which it could rewrite its own run's report."""
    with ThreadPoolExecutor(4) as pool:
        refused = dict(zip(REJECTED_PODS, pool.map(lambda spec: refusal(cluster, confined, spec), REJECTED_PODS.values()), strict=True))
        allowed = dict(zip(ALLOWED_PODS, pool.map(lambda spec: refusal(cluster, confined, spec), ALLOWED_PODS.values()), strict=True))

    assert {name: message for name, message in refused.items() if f'violates PodSecurity "{BASELINE}' not in message} == {}
    assert {name: message for name, message in allowed.items() if message} == {}
