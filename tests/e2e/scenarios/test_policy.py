"""The application's NetworkPolicies let no stranger in, and its own clients through; without them, every pod connects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kindgate import Deadline, Pending, Ready, Verdict, wait_for
from kindgate.cluster.api_client import connect
from kindgate.deploy.baseline import application_namespaces
from kindgate.model import Manifest, ObjectRef
from kindgate.scenarios.admission_policies import LABEL, denial_in, placed, shipped_policies, wait_enforced
from kindgate.scenarios.permissions import powers_of
from kindgate.scenarios.pod_admission import dry_run, violations_in
from kindgate.slo.connections import DEFAULT_RULES
from kindgate.slo.policy_judge import judge_connections
from tests.e2e.namespaces import namespace_for_pods
from tests.e2e.scenarios.bad_pods import BAD_PODS, GOOD, Spec

if TYPE_CHECKING:
    from kindgate import Application, Cluster, Policies

pytestmark = pytest.mark.policy

EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}

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


@contextmanager
def shipped(cluster: Cluster) -> Iterator[None]:
    """Have kindgate's admission policies in the cluster for the block."""
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": shipped_policies()})
    cluster.kubectl("create", "--filename", "-", stdin=document)
    try:
        yield
    finally:
        cluster.kubectl("delete", "--filename", "-", stdin=document)


def grant(cluster: Cluster, account: ObjectRef, role: str, rule: dict[str, list[str]]) -> None:
    """Bind a role with one rule to the account."""
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}
    metadata = {"name": role, "namespace": account.namespace}
    created = (
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": role},
            "subjects": [subject],
        },
    )
    for item in created:
        cluster.kubectl("create", "--filename", "-", stdin=json.dumps(item))


def held_by(cluster: Cluster, account: ObjectRef) -> list[str]:
    """The powers of an account, in words, once the authorizer has seen every binding."""

    def probe() -> Ready[list[str]] | Pending:
        with connect(cluster.address) as api:
            first, second = ([str(power) for power in powers_of(api, account)] for _ in range(2))
        return Ready(second) if first == second else Pending(f"{first}, then {second}")

    return wait_for("the authorizer", probe, Deadline.after(30))


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


def test_pod_security_would_admit_the_application(policy: Policies) -> None:
    """At its strictest level."""
    policy.check_pod_security("restricted")


def test_bad_pods_are_refused_for_their_reason(cluster: Cluster, namespace: str) -> None:
    """Each by what is wrong with it, and the good pod that they differ from is admitted."""
    metadata = {"name": "web", "namespace": namespace}

    def objection(spec: Spec) -> str:
        with connect(cluster.address) as api:
            return dry_run(api, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(BAD_PODS, pool.map(objection, [spec for spec, _ in BAD_PODS.values()]), strict=True))

    assert objection(GOOD) == ""
    assert {name: found[name] for name, (_, reason) in BAD_PODS.items() if reason not in violations_in(found[name])} == {}


def test_admission_policies_would_admit_the_application(policy: Policies) -> None:
    """Each of them has refused a pod that violates it alone before."""
    policy.check_admission()


def test_a_bad_workload_is_refused_with_the_reason(cluster: Cluster, app: Application) -> None:
    """A Deployment of the application without what the policies require, and one with an image of another registry."""
    original = next(iter(app.rendered.of_kind("Deployment")))
    template = original["spec"]["template"]
    container = template["spec"]["containers"][0]

    def changed(**fields: object) -> Manifest:
        spec = {**template["spec"], "containers": [{**container, **fields}]}
        return {**original, "spec": {**original["spec"], "template": {**template, "spec": spec}}}

    tried = [changed(resources={}), changed(image="registry.invalid/web:1.0"), changed(image="web:latest"), original]
    with shipped(cluster), namespace_for_pods(cluster, "admission", LABEL) as name, connect(cluster.address) as api:
        wait_enforced(api, name)
        found = [denial_in(dry_run(api, placed(item, name))) for item in tried]

    assert found == [
        ("kindgate-limits", f"no memory limit or no CPU request: {container['name']}"),
        ("kindgate-registries", f"image of another registry: {container['name']}"),
        ("kindgate-no-latest", f"image without a version: {container['name']}"),
        ("", ""),
    ]


def test_service_accounts_have_no_more_than_they_need(policy: Policies) -> None:
    """Neither Secrets nor wildcards."""
    policy.check_permissions()


def test_what_an_account_is_granted_is_found(cluster: Cluster, namespace: str) -> None:
    """By the API server's own authorizer: nothing at first, then exactly the power that a role gives, and with * everything."""
    account = ObjectRef("ServiceAccount", namespace, "default")
    powers = [held_by(cluster, account)]
    for number, rule in enumerate(({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}, EVERYTHING)):
        grant(cluster, account, f"role-{number}", rule)
        powers.append(held_by(cluster, account))
    assert powers == [[], ["get secrets"], ["do anything"]]
