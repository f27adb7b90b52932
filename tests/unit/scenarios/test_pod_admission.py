"""Pods as dry runs in a namespace that enforces Pod Security, with a stand-in API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.cluster.api_client import connect
from kindgate.cluster.owner_container import state_path
from kindgate.model import ClusterAddress, Verdict
from kindgate.pod_templates import pod_template
from kindgate.scenarios.pod_admission import claims_of, trial_pod, try_pods, violations_in
from kindgate.scenarios.undo_journal import open_records
from kindgate.slo.policy_judge import PolicyResult
from tests.unit.deploy.objects import deployment, service
from tests.unit.deploy.standin import ApiServer, Refusal, kubeconfig, serving
from tests.unit.scenarios.recording import RecordingProgram

VIOLATION = 'pods "trial" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod must not run as root)'


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


def tried(address: ClusterAddress, kubectl: RecordingProgram) -> PolicyResult:
    """The result for a Deployment and a Service."""
    with connect(address) as api:
        return try_pods(api, address, kubectl.program, [deployment(), service()], "restricted")


def test_admitted_pods_meet_the_requirement(server: ApiServer, address: ClusterAddress, kubectl: RecordingProgram) -> None:
    """They are only tried, in a namespace that enforces the level and is deleted."""
    result = tried(address, kubectl)
    assert result.explanation == "PASS: Pod Security restricted admits the pods: met by 1 pod."
    (namespace,) = [
        item
        for path, item in server.objects.items()
        if path.startswith("/api/v1/namespaces/kindgate-trial-") and item["kind"] == "Namespace"
    ]
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert [query for method, path, query in server.requests if method == "POST" and path.endswith("/pods")] == [{"dryRun": "All"}]
    assert [arguments[:3] for arguments, _ in kubectl.calls] == [["delete", "namespace", namespace["metadata"]["name"]]]
    assert list(open_records()) == []


def test_a_refused_pod_is_named_with_the_reason(server: ApiServer, address: ClusterAddress, kubectl: RecordingProgram) -> None:
    """In the words of Pod Security."""
    server.refusals.append(Refusal("POST", "/pods", 403, VIOLATION))
    result = tried(address, kubectl)
    assert result.verdict is Verdict.FAIL
    assert result.missed == ("Deployment shop/web: runAsNonRoot != true (pod must not run as root)",)


def test_a_pod_that_is_refused_by_something_else_is_unknown(server: ApiServer, address: ClusterAddress, kubectl: RecordingProgram) -> None:
    """A webhook's objection says nothing about Pod Security."""
    server.refusals.append(Refusal("POST", "/pods", 403, "admission webhook x denied the request"))
    result = tried(address, kubectl)
    assert result.verdict is Verdict.INVALID
    assert result.unknown == ("Deployment shop/web: admission webhook x denied the request",)


def test_a_tried_pod_needs_nothing_of_its_own_namespace() -> None:
    """Its account does not exist where it is tried."""
    item = deployment()
    item["spec"]["template"]["spec"] |= {"serviceAccountName": "web", "hostNetwork": True}
    template = pod_template(item)
    assert template is not None
    pod = trial_pod(template, "trial-1")
    assert pod["metadata"]["labels"] == {"app": "web"}
    assert sorted(pod["spec"]) == ["containers", "hostNetwork"]


def test_a_tried_pod_of_a_statefulset_has_its_claims() -> None:
    """Their volumes are not in the template, but mounted."""
    item = deployment()
    item["spec"] |= {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
    item["spec"]["template"]["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    template = pod_template(item)
    assert template is not None
    volumes = trial_pod(template, "trial-1", claims_of(item))["spec"]["volumes"]
    assert volumes == [{"name": "tmp", "emptyDir": {}}, {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]


def test_only_pod_security_violates() -> None:
    """Every other message is left alone."""
    assert violations_in(VIOLATION) == "runAsNonRoot != true (pod must not run as root)"
    assert violations_in("exceeded quota") == ""
