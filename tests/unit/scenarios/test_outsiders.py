"""Pods that try connections: what they are, and that nothing of them is left, with a stand-in API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kindgate.cluster.api_client import connect
from kindgate.cluster.owner_container import state_path
from kindgate.deploy.pod_security import baseline_problems
from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.pod_templates import PodTemplate
from kindgate.scenarios.outsiders import outsider_manifest, outsiders, sandbox_image
from kindgate.scenarios.undo_journal import open_records
from tests.unit.deploy.standin import ApiServer, Refusal, kubeconfig, serving
from tests.unit.scenarios.outsider_pods import node_with, running_status
from tests.unit.scenarios.recording import RecordingProgram

PAUSE = "registry.k8s.io/pause:3.10"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """An API server whose pods run as soon as they are created."""
    with serving() as state:
        state.put("/api/v1/nodes/worker", node_with(PAUSE))
        store = state.put

        def put(path: str, item: dict[str, Any]) -> None:
            status = {"status": running_status(path.rpartition("/")[2], "10.0.9.1")} if "/pods/" in path else {}
            store(path, {**item, **status})

        monkeypatch.setattr(state, "put", put)
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterAddress:
    """The address of the server, as that of a cluster that kindgate created."""
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))
    state_path("shop").mkdir(parents=True)
    return ClusterAddress("shop", kubeconfig(tmp_path, server.url), "test", "")


def test_a_stranger_and_neighbors_run_and_are_deleted(address: ClusterAddress, kubectl: RecordingProgram) -> None:
    """Each in its namespace, by steps that another process could perform too."""
    with connect(address) as api, outsiders(api, address, kubectl.program, ["shop", "back"]) as others:
        (record,) = open_records()
        refs = [others.stranger.ref, *(pod.ref for pod in others.neighbors.values())]
    assert [ref.namespace for ref in refs] == ["kube-public", "shop", "back"]
    assert [step.arguments[:5] for step in record.steps] == [("delete", "pod", ref.name, "--namespace", ref.namespace) for ref in refs]
    assert [arguments[2] for arguments, _ in kubectl.calls] == [ref.name for ref in refs]
    assert list(open_records()) == []


@pytest.mark.parametrize(
    ("message", "limited"), [("exceeded quota: pods", True), ("minimum cpu usage per Container is 50m", True), ("a webhook denied", False)]
)
def test_a_pod_that_is_refused_is_an_error_and_leaves_nothing(
    server: ApiServer, address: ClusterAddress, kubectl: RecordingProgram, message: str, *, limited: bool
) -> None:
    """Those that were created before it are deleted, and what limits the namespace is the next step."""
    server.refusals.append(Refusal("POST", "/namespaces/shop/pods", 403, message))
    with pytest.raises(ScenarioError, match=message) as raised, connect(address) as api, outsiders(api, address, kubectl.program, ["shop"]):
        pass
    assert ("ResourceQuota and LimitRange of namespace shop" in raised.value.next_step) is limited
    assert len(kubectl.calls) == 2
    assert list(open_records()) == []


def test_the_pods_have_no_labels_and_meet_pod_security() -> None:
    """No Service and no controller selects them."""
    item = outsider_manifest(ObjectRef("Pod", "shop", "neighbor"), PAUSE)
    assert "labels" not in item["metadata"]
    assert list(baseline_problems(PodTemplate("spec", {}, item["spec"]))) == []


def test_the_image_is_one_that_every_node_has() -> None:
    """The newest, if there are several."""
    nodes = {"items": [node_with("a/pause:3.9", PAUSE, "shop:1"), node_with(PAUSE)]}
    assert sandbox_image(nodes) == PAUSE


@pytest.mark.parametrize("nodes", [{}, {"items": [node_with(PAUSE), node_with("shop:1")]}])
def test_nodes_without_a_common_image_are_an_error(nodes: dict[str, Any]) -> None:
    """No image is loaded for these pods."""
    with pytest.raises(ScenarioError, match="pause"):
        sandbox_image(nodes)
