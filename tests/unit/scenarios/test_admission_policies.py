"""The shipped admission policies: what they are, that they exist only meanwhile, and what their refusals say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.owner_container import state_path
from kindgate.errors import WaitTimeout
from kindgate.model import ClusterAddress, Manifest, Verdict
from kindgate.scenarios import admission_policies as subject
from kindgate.scenarios.admission_policies import (
    LABEL,
    VIOLATIONS,
    admission_policies,
    denial_in,
    placed,
    shipped_policies,
    trial,
    try_workloads,
    wait_enforced,
)
from kindgate.scenarios.undo_journal import open_records
from tests.unit.deploy.objects import deployment, service
from tests.unit.deploy.standin import ApiServer, kubeconfig, serving
from tests.unit.scenarios.recording import RecordingProgram

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
DENIAL = "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy '{0}' with binding '{0}' denied request: because"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server that admits everything."""
    with serving() as state:
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterAddress:
    """The address of the server, as that of a cluster that kindgate created."""
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))
    state_path("shop").mkdir(parents=True)
    return ClusterAddress("shop", kubeconfig(tmp_path, server.url), "test", "")


def enforcing(monkeypatch: pytest.MonkeyPatch, denied: Callable[[Manifest], str]) -> None:
    """Have dry runs refused by the policies that `denied` names."""

    def dry_run(_: Api, item: Manifest) -> str:
        policy = denied(item)
        return DENIAL.format(policy) if policy else ""

    monkeypatch.setattr(subject, "dry_run", dry_run)


def of_violation(item: Manifest) -> str:
    """The policy that a pod of `VIOLATIONS` violates, found by its labels and its specification."""
    for name, pod in VIOLATIONS.items():
        if (item["spec"], item["metadata"].get("labels")) == (pod["spec"], pod["metadata"]["labels"]):
            return name
    return ""


def test_each_policy_has_a_binding_to_labeled_namespaces_and_a_violation() -> None:
    """No other namespace is affected."""
    policies = [item["metadata"]["name"] for item in shipped_policies() if item["kind"] == "ValidatingAdmissionPolicy"]
    bindings = [item for item in shipped_policies() if item["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert policies == [item["spec"]["policyName"] for item in bindings] == list(VIOLATIONS)
    assert all(item["spec"]["matchResources"]["namespaceSelector"] == {"matchLabels": LABEL} for item in bindings)


def test_missing_policies_exist_only_meanwhile(server: ApiServer, address: ClusterAddress, kubectl: RecordingProgram) -> None:
    """Those that the cluster has stay as they are."""
    server.put(f"{POLICIES}/kindgate-limits", {"kind": "ValidatingAdmissionPolicy", "metadata": {"name": "kindgate-limits"}})
    with connect(address) as api, admission_policies(api, address, kubectl.program):
        (record,) = open_records()
        created = [item["kind"] for path, item in server.objects.items() if "kindgate-" in path and "spec" in item]
    assert len(created) == 7
    assert len(kubectl.calls) == 7
    assert not any("kindgate-limits" in arguments and "validatingadmissionpolicy" in arguments for arguments, _ in kubectl.calls)
    assert not record.path.exists()


def test_policies_of_the_overlay_are_used_as_they_are(server: ApiServer, address: ClusterAddress, kubectl: RecordingProgram) -> None:
    """Nothing is created, and nothing deleted."""
    for item in shipped_policies():
        plural = POLICIES if item["kind"] == "ValidatingAdmissionPolicy" else POLICIES.replace("policies", "policybindings")
        server.put(f"{plural}/{item['metadata']['name']}", dict(item))
    with connect(address) as api, admission_policies(api, address, kubectl.program):
        assert list(open_records()) == []
    assert kubectl.calls == []


def test_a_policy_that_refuses_nothing_is_an_error(address: ClusterAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise everything would be admitted."""
    enforcing(monkeypatch, lambda item: of_violation(item).replace("kindgate-limits", ""))
    monkeypatch.setattr(subject, "ENFORCED_SECONDS", 0.0)
    with connect(address) as api, pytest.raises(WaitTimeout) as raised:
        wait_enforced(api, "trial")
    assert raised.value.last_state == "not enforced: kindgate-limits"


def test_nothing_is_judged_by_a_policy_that_refuses_nothing(
    address: ClusterAddress, kubectl: RecordingProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The namespace and the policies are deleted all the same."""
    enforcing(monkeypatch, lambda _: "")
    monkeypatch.setattr(subject, "ENFORCED_SECONDS", 0.0)
    with connect(address) as api, pytest.raises(WaitTimeout):
        try_workloads(api, address, kubectl.program, [deployment()])
    assert len(kubectl.calls) == 9


def test_a_refused_workload_is_named_with_policy_and_reason(
    address: ClusterAddress, kubectl: RecordingProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other objects are not judged."""
    enforcing(monkeypatch, lambda item: "kindgate-no-latest" if item["metadata"]["name"] == "bad" else of_violation(item))
    with connect(address) as api:
        result = try_workloads(api, address, kubectl.program, [deployment("bad"), deployment("good"), service()])
    assert (result.verdict, result.judged) == (Verdict.FAIL, 2)
    assert result.missed == ("Deployment shop/bad: kindgate-no-latest: because",)


def test_a_refusal_of_something_else_is_unknown(
    address: ClusterAddress, kubectl: RecordingProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing about the policies."""
    monkeypatch.setattr(subject, "dry_run", lambda api, item: "exceeded quota")  # noqa: ARG005  # as it is called
    monkeypatch.setattr(subject, "wait_enforced", lambda api, namespace: None)  # noqa: ARG005  # the same
    with connect(address) as api:
        result = try_workloads(api, address, kubectl.program, [deployment()])
    assert result.unknown == ("Deployment shop/web: exceeded quota",)


def test_an_object_is_placed_without_what_another_namespace_gave_it() -> None:
    """Its labels stay."""
    item = {**trial(), "metadata": {"name": "a", "namespace": "shop", "labels": {"a": "b"}, "ownerReferences": []}}
    assert placed(item, "trial-1")["metadata"] == {"name": "a", "labels": {"a": "b"}, "namespace": "trial-1"}


def test_only_policies_deny() -> None:
    """Other messages are left alone."""
    assert denial_in(DENIAL.format("x")) == ("x", "because")
    assert denial_in("admission webhook denied the request") == ("", "")
