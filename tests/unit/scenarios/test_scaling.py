"""Scaling out and in, against a stand-in API server whose autoscaler and controllers are played by the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress
from kindgate.scenarios import scaling
from kindgate.scenarios.scaling import METRICS_API, ScaleIn, ScaleOut
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import Object, deadline_until, live_deployment, live_pod, live_replicaset
from tests.unit.deploy.standin import ApiServer, Refusal, kubeconfig, serving
from tests.unit.scenarios.autoscaler_objects import SCALER, WEB, live_autoscaler

PODS = "/api/v1/namespaces/shop/pods"
UNABLE = ("ScalingActive", "False", "FailedGetResourceMetric")
LIMITED = ("ScalingLimited", "True", "TooManyReplicas")
WATCHED = 6
"""Collections that an action watches: pods, four kinds of workloads, autoscalers."""


def pod(name: str) -> Object:
    """A ready pod of shop/web."""
    return live_pod(name, conditions=[{"type": "Ready", "status": "True"}])


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server with two ready pods of shop/web, and its autoscaler with nothing to do."""
    with serving() as state:
        state.put("/apis/apps/v1/namespaces/shop/deployments/web", live_deployment(2, observed=99))
        state.put("/apis/apps/v1/namespaces/shop/replicasets/web-1", live_replicaset())
        for name in ("a", "b"):
            state.put(f"{PODS}/{name}", pod(name))
        state.put(SCALER.path, live_autoscaler(2, 2))
        yield state


@pytest.fixture
def address(server: ApiServer, tmp_path: Path) -> ClusterAddress:
    """The server's address."""
    return ClusterAddress("test", kubeconfig(tmp_path, server.url), "test", "")


def test_a_scale_out_ends_when_the_added_pods_are_ready(server: ApiServer, address: ClusterAddress) -> None:
    """Every number that the autoscaler wants is noted with its metrics; nothing is changed, and nothing differs afterward."""
    action = ScaleOut(address, [SCALER])
    assert (action.undo(), action.targets, action.workloads) == ((), (str(WEB),), (WEB,))
    server.put(SCALER.path, live_autoscaler(2, 3, cpu=90))
    notes: list[str] = []

    def follow(text: str) -> None:
        notes.append(text)
        server.put(f"{PODS}/c", pod("c"))

    action.run(follow, Deadline.after(60))

    assert notes[0].startswith("HorizontalPodAutoscaler shop/web wants 3 pods")
    assert "cpu 90 % of the requests, target 60 %" in notes[0]
    assert notes[-1].startswith("scale-out: every autoscaler has added pods")
    assert server.paths("PATCH") == []
    assert action.restored(Deadline.after(30)) == ()


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        (live_autoscaler(2, 2, LIMITED, most=2), r"did not add a pod that is ready: ScalingLimited is True.*maxReplicas is 2"),
        (live_autoscaler(2, 2, UNABLE), "did not add a pod that is ready: ScalingActive is False: FailedGetResourceMetric"),
        (live_autoscaler(2, 2, cpu=35), "2 pods ready; 2 pods, 2 desired; cpu 35 % of the requests, target 60 %"),
        (live_autoscaler(2, 4, cpu=95), "2 pods ready; 2 pods, 4 desired"),
    ],
    ids=["no room", "no metrics", "target too high", "new pods not ready"],
)
def test_an_autoscaler_that_adds_no_pod_fails_the_action_for_its_reason(
    server: ApiServer, address: ClusterAddress, monkeypatch: pytest.MonkeyPatch, live: Object, reason: str
) -> None:
    """The first line of the error has the autoscaler's own condition, or its metrics."""
    monkeypatch.setattr(scaling, "UNABLE_SECONDS", 0.0)
    server.put(SCALER.path, live)
    with pytest.raises(ScenarioError, match=reason) as raised:
        ScaleOut(address, [SCALER]).run(lambda _: None, deadline_until(lambda: len(server.watches) >= WATCHED))
    assert raised.value.next_step == "kubectl describe horizontalpodautoscaler -n shop web"


def test_a_condition_that_passes_does_not_fail_the_action(server: ApiServer, address: ClusterAddress) -> None:
    """A new pod has no metrics for some seconds."""
    action = ScaleOut(address, [SCALER])
    action.undo()
    server.put(SCALER.path, live_autoscaler(2, 1, UNABLE))

    def follow(text: str) -> None:
        if "wants 1 pods" in text:
            server.put(SCALER.path, live_autoscaler(3, 3))
            server.put(f"{PODS}/c", pod("c"))

    action.run(follow, Deadline.after(60))


def test_without_a_metrics_api_nothing_is_begun(server: ApiServer, address: ClusterAddress) -> None:
    """The error names what is missing."""
    server.refusals.append(Refusal("GET", METRICS_API, 404, "not found"))
    with pytest.raises(ScenarioError, match="no metrics API"):
        ScaleOut(address, [SCALER]).undo()


def test_an_application_that_is_scaled_out_already_is_refused(server: ApiServer, address: ClusterAddress) -> None:
    """It could add no pod, for a reason that is not its own; one whose bounds are equal never could, and fails in the episode."""
    server.put(SCALER.path, live_autoscaler(4, 4))
    with pytest.raises(ScenarioError, match="has 4 already, its maxReplicas"):
        ScaleOut(address, [SCALER]).undo()
    server.put(SCALER.path, live_autoscaler(2, 2, most=2))
    assert ScaleOut(address, [SCALER]).undo() == ()


def test_a_scale_in_shortens_the_window_and_waits_until_removed_pods_are_gone(server: ApiServer, address: ClusterAddress) -> None:
    """The timeline states the shortened window."""
    server.put(f"{PODS}/c", pod("c"))
    server.put(SCALER.path, live_autoscaler(3, 3))
    action = ScaleIn(address, [SCALER])
    assert [step.arguments[1] for step in action.undo()] == ["horizontalpodautoscalers.v2.autoscaling/web"] * 2
    notes: list[str] = []

    def follow(text: str) -> None:
        notes.append(text)
        if "shortened" in text:
            assert server.objects[SCALER.path]["spec"]["behavior"] == {"scaleDown": {"stabilizationWindowSeconds": 0}}
            server.put(SCALER.path, {**server.objects[SCALER.path], "status": live_autoscaler(3, 2)["status"]})
        elif "wants 2 pods" in text:
            server.remove(f"{PODS}/c")

    action.run(follow, Deadline.after(60))

    assert notes[0].endswith("stabilization window shortened from 300 s to 0 s for this episode")
    assert notes[-1] == "scale-in: removed pods are gone"
    assert [line for line in action.restored(Deadline.after(30)) if "behavior" in line]


def test_a_terminating_pod_is_waited_for(server: ApiServer, address: ClusterAddress) -> None:
    """It may lose requests at its end."""
    terminating = pod("c")
    terminating["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    server.put(f"{PODS}/c", terminating)
    server.put(SCALER.path, live_autoscaler(3, 3))
    action = ScaleIn(address, [SCALER])
    action.undo()
    notes: list[str] = []

    def follow(text: str) -> None:
        notes.append(text)
        if "shortened" in text:
            server.put(SCALER.path, {**server.objects[SCALER.path], "status": live_autoscaler(2, 2)["status"]})

    with pytest.raises(ScenarioError, match="did not remove a pod: 2 pods, 2 desired"):
        action.run(follow, deadline_until(lambda: any("wants 2 pods" in note for note in notes)))


def test_a_scale_in_without_a_removed_pod_fails_for_its_reason(server: ApiServer, address: ClusterAddress) -> None:
    """Its metrics say why."""
    server.put(f"{PODS}/c", pod("c"))
    server.put(SCALER.path, live_autoscaler(3, 3, cpu=59))
    action = ScaleIn(address, [SCALER])
    action.undo()
    notes: list[str] = []
    with pytest.raises(ScenarioError, match="did not remove a pod: 3 pods, 3 desired; cpu 59 % of the requests, target 60 %"):
        action.run(notes.append, deadline_until(lambda: bool(notes)))


@pytest.mark.parametrize(
    ("live", "problem"),
    [
        (live_autoscaler(2, 2), "no pod that an autoscaler could remove"),
        (live_autoscaler(3, 3, scaleDown={"selectPolicy": "Disabled"}), "never removes a pod"),
    ],
    ids=["nothing to remove", "disabled"],
)
def test_a_scale_in_that_cannot_happen_is_refused(server: ApiServer, address: ClusterAddress, live: Object, problem: str) -> None:
    """Before anything is changed."""
    server.put(SCALER.path, live)
    with pytest.raises(ScenarioError, match=problem):
        ScaleIn(address, [SCALER]).undo()
    assert server.paths("PATCH") == []
