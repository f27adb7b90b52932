"""The application's NetworkPolicies let no stranger in, and its own clients through; without them, every pod connects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kindgate import Verdict
from kindgate.deploy.baseline import application_namespaces
from kindgate.slo.connections import DEFAULT_RULES
from kindgate.slo.policy_judge import judge_connections

if TYPE_CHECKING:
    from kindgate import Application, Cluster, Policies

pytestmark = pytest.mark.policy

COPIED = ("apiVersion", "kind", "spec")


@contextmanager
def without_policies(cluster: Cluster, namespaces: tuple[str, ...]) -> Iterator[None]:
    """Delete the NetworkPolicies of the namespaces for the block, and create them again afterward."""
    listed = [json.loads(cluster.kubectl("get", "networkpolicies", "--namespace", name, "--output", "json")) for name in namespaces]
    policies = [item for one in listed for item in one["items"]]
    assert policies
    for item in policies:
        metadata = item["metadata"]
        item["metadata"] = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    for name in namespaces:
        cluster.kubectl("delete", "networkpolicies", "--namespace", name, "--all")
    try:
        yield
    finally:
        objects = [{key: item[key] for key in (*COPIED, "metadata")} for item in policies]
        document = {"apiVersion": "v1", "kind": "List", "items": objects}
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", stdin=json.dumps(document))


def test_no_stranger_connects(policy: Policies) -> None:
    """By the rules of the SLO file, or by the default."""
    policy.check()


def test_without_policies_every_pod_connects(policy: Policies, cluster: Cluster, app: Application) -> None:
    """The same rules fail for their reason, and pass again once the policies are back."""
    before = policy.matrix()
    with without_policies(cluster, application_namespaces(app.rendered)):
        open_matrix = policy.matrix()
    after = policy.matrix()

    (result,) = judge_connections(DEFAULT_RULES, open_matrix).results
    assert result.verdict is Verdict.FAIL
    assert result.misses == result.judged
    assert all(connection.is_allowed for connection in open_matrix)
    assert judge_connections(DEFAULT_RULES, before).verdict is Verdict.PASS
    assert after == before
