"""What `kindgate scenario rollout` does with its arguments, and what it prints."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kindgate.cli import scenario_run
from kindgate.cli.chaos_request import ChaosRequest, Fault
from kindgate.cli.scaling_request import Direction, ScalingRequest
from kindgate.cli.scenario_run import Change, RolloutRequest, figures, run_requested
from kindgate.errors import ScenarioError, SettingsError
from kindgate.model import ClusterAddress, ObjectRef, Rendered
from kindgate.pipeline.environment import RunningCluster
from kindgate.scenarios.action import Action
from kindgate.scenarios.rollout import BadImage, Rollback, Rollout, Update
from kindgate.settings import ClusterSettings, ScenarioSettings, Settings
from kindgate.slo.episode import Episode, EpisodeEvent, Marks, Phase, PhaseFigures, Requests, RouteFigures
from kindgate.slo.objectives import Objectives
from tests.unit.deploy.objects import rendered
from tests.unit.scenarios.autoscaler_objects import autoscaler
from tests.unit.slo.episodes import restart

FOLDER = Path("run")
CLUSTER = RunningCluster(ClusterAddress("test", Path("kubeconfig"), "test", ""), Rendered(FOLDER, ()), FOLDER, FOLDER, FOLDER)
WEB = (ObjectRef("Deployment", "shop", "web"),)


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (RolloutRequest("restart"), Rollout),
        (RolloutRequest("update", env=("A=1=2",)), Update),
        (RolloutRequest("update", images=("web=web:2",)), Update),
        (RolloutRequest("rollback"), Rollback),
        (RolloutRequest("bad-image"), BadImage),
    ],
    ids=["restart", "variable", "image", "rollback", "bad-image"],
)
def test_each_change_has_its_action(request_: RolloutRequest, kind: type[Rollout]) -> None:
    """Of the workloads that were found."""
    action = request_.action(CLUSTER, WEB)
    assert (type(action), action.name, action.workloads) == (kind, request_.change, WEB)


@pytest.mark.parametrize(
    ("fault", "now", "name"),
    [
        ("kill-pod", False, "kill-pod"),
        ("kill-pod", True, "kill-pod-now"),
        ("kill-pods", True, "kill-pods-now"),
        ("kill-containers", False, "kill-containers"),
        ("drain", False, "drain"),
        ("pause-node", False, "pause-node"),
        ("stop-node", False, "stop-node"),
        ("kill-kubelet", False, "kill-kubelet"),
        ("lose-dns", False, "lose-dns"),
        ("partition", False, "partition"),
        ("packet-loss", False, "packet-loss"),
        ("cpu-pressure", False, "cpu-pressure"),
        ("memory-pressure", False, "memory-pressure"),
    ],
)
def test_each_fault_has_its_action(fault: Fault, *, now: bool, name: str) -> None:
    """Of the workloads that were found."""
    action = ChaosRequest(fault, now=now).action(CLUSTER, WEB)
    assert (action.scenario, action.name, action.workloads) == ("chaos", name, WEB)


@pytest.mark.parametrize("direction", ["scale-out", "scale-in"])
def test_each_direction_has_its_action(direction: Direction) -> None:
    """Of the workloads that have an autoscaler in the manifests."""
    scaled = replace(CLUSTER, rendered=rendered(autoscaler()))
    action = ScalingRequest(direction).action(scaled, WEB)
    assert (action.scenario, action.name, action.workloads) == ("scaling", direction, WEB)
    with pytest.raises(ScenarioError, match="no HorizontalPodAutoscaler"):
        ScalingRequest(direction).action(CLUSTER, WEB)


def test_a_variable_may_contain_an_equals_sign() -> None:
    """Its value begins after the first."""
    template = {"spec": {"containers": [{"name": "web"}]}}
    changed = RolloutRequest("update", env=("A=1=2", "B=")).action(CLUSTER, WEB).changed(template)
    assert changed["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1=2"}, {"name": "B", "value": ""}]


@pytest.mark.parametrize(("change", "env"), [("restart", ("A=1",)), ("bad-image", ("A=1",)), ("update", ())])
def test_an_update_is_what_has_a_variable_or_an_image(change: Change, env: tuple[str, ...]) -> None:
    """The error comes before a cluster is looked for."""
    with pytest.raises(SettingsError):
        RolloutRequest(change, env=env)


@pytest.mark.parametrize("text", ["A", "=1"])
def test_a_variable_needs_a_name_and_a_value(text: str) -> None:
    """NAME=VALUE."""
    with pytest.raises(SettingsError, match="NAME=VALUE"):
        RolloutRequest("update", env=(text,)).action(CLUSTER, WEB)


def test_the_figures_state_what_was_lost_where() -> None:
    """By phase and by route, with the timeline."""
    lost = Requests(100, failed=2, unanswered=1)
    episode = Episode(
        "rollout",
        "restart",
        ("Deployment shop/web",),
        0.0,
        Marks(5, 9, 10, 12),
        (PhaseFigures(Phase.BEFORE, 5.0, Requests(1000), 12.34), PhaseFigures(Phase.DURING, 4.0, lost, None)),
        (RouteFigures("search", lost, 0.25), RouteFigures("list", Requests(1000), 0.0)),
        (),
        250.0,
        1000.0,
        events=(EpisodeEvent(5.01, "action", "restarted"),),
    )
    lines = figures(episode)
    assert lines[0] == "rollout restart of Deployment shop/web: 3 of 1,100 requests lost; recovered after 1.0 s"
    assert lines[2].split() == ["before", "5.0", "s", "1,000", "0", "12.3", "ms"]
    assert lines[3].split() == ["during", "4.0", "s", "100", "3"]
    assert lines[4] == "search: 3 lost, outage 0.25 s"
    assert lines[5].split() == ["5.01", "s", "action:", "restarted"]


@pytest.mark.parametrize(
    ("lost", "again", "code", "shown"),
    [
        ({}, None, 0, "PASS: rollout restart: 0 of 4,800 requests lost"),
        ({6: Requests(failed=3)}, {}, 0, "INCONCLUSIVE: rollout restart: not confirmed: 3 of 4,800 requests lost"),
        ({6: Requests(failed=3)}, {6: Requests(failed=2)}, 20, "and when it was repeated, 2 of 4,800 requests lost"),
    ],
    ids=["nothing lost", "lost once", "lost twice"],
)
def test_what_was_missed_is_repeated(
    *,
    lost: dict[int, Requests],
    again: dict[int, Requests] | None,
    code: int,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Once, by a new action; the file has the first episode."""
    episodes = [restart(each, undone="") for each in (lost, again) if each is not None]
    actions: list[Action] = []

    def run_episode(action: Action, *_: object, **__: object) -> Episode:
        actions.append(action)
        return episodes[len(actions) - 1]

    class Application:
        cluster = CLUSTER

    class Pipeline:
        run_id, objectives = "test", Objectives()

        def environment_at(self, _stage: object) -> Application:
            return Application()

    for name, stand_in in {
        "pipeline_for_steps": lambda _: nullcontext(Pipeline()),
        "episode_plan": lambda *_: None,
        "episode_targets": lambda *_: WEB,
        "run_episode": run_episode,
    }.items():
        monkeypatch.setattr(scenario_run, name, stand_in)

    file = tmp_path / "episode.json"
    assert run_requested(Settings(), RolloutRequest("restart", json_file=file)) == code

    assert shown in capsys.readouterr().out
    assert len(set(map(id, actions))) == len(episodes)
    assert Episode.from_json(json.loads(file.read_text())) == episodes[0]


def test_an_existing_cluster_has_to_allow_the_scenario() -> None:
    """Its pods are not kindgate's."""
    existing = ClusterSettings(existing=Path("kubeconfig"), context="test", ingress_url="http://127.0.0.1:1")
    with pytest.raises(SettingsError, match="replaces pods") as refusal:
        run_requested(Settings(cluster=existing), RolloutRequest("restart"))
    assert "--scenario-allow rollout" in refusal.value.next_step


def test_permission_for_another_scenario_does_not_suffice() -> None:
    """Each is named."""
    existing = ClusterSettings(existing=Path("kubeconfig"), context="test", ingress_url="http://127.0.0.1:1")
    settings = Settings(cluster=existing, scenario=ScenarioSettings(allow=("rollout",)))
    with pytest.raises(SettingsError, match="chaos replaces pods"):
        run_requested(settings, ChaosRequest("kill-pod"))


@pytest.mark.parametrize("fault", ["kill-container", "kill-containers", "drain"])
def test_only_pods_are_killed_without_a_grace_period(fault: Fault) -> None:
    """The error comes before a cluster is looked for."""
    with pytest.raises(SettingsError, match=f"--now is about pods .* {fault}"):
        ChaosRequest(fault, now=True)


@pytest.mark.parametrize("fault", ["kill-pod", "kill-container", "drain"])
def test_only_faults_that_last_have_a_duration(fault: Fault) -> None:
    """The error comes before a cluster is looked for."""
    with pytest.raises(SettingsError, match=f"--for is about faults that last, not about {fault}"):
        ChaosRequest(fault, seconds=5.0)


@pytest.mark.parametrize("fault", ["kill-pod", "kill-container", "lose-dns"])
def test_only_faults_of_nodes_have_a_node(fault: Fault) -> None:
    """The same."""
    with pytest.raises(SettingsError, match=f"--node is about faults of nodes, not about {fault}"):
        ChaosRequest(fault, node="worker")


@pytest.mark.parametrize("fault", ["pause-node", "lose-dns"])
def test_a_duration_is_checked_before_anything_happens(fault: Fault) -> None:
    """Too long for an action."""
    with pytest.raises(ScenarioError, match="a fault cannot last 600 s"):
        ChaosRequest(fault, seconds=600.0).action(CLUSTER, WEB)


@pytest.mark.parametrize("fault", ["partition", "kill-pod"])
def test_only_a_loss_has_a_share(fault: Fault) -> None:
    """A partition drops every packet."""
    with pytest.raises(SettingsError, match=f"--percent is about packet-loss and memory-pressure, not about {fault}"):
        ChaosRequest(fault, percent=50)


@pytest.mark.parametrize("request_", [{"peers": ("web",)}, {"direction": "in"}], ids=["peer", "direction"])
def test_only_faults_of_the_network_have_a_peer_and_a_direction(request_: dict[str, Any]) -> None:
    """The error comes before a cluster is looked for."""
    with pytest.raises(SettingsError, match="--peer and --direction are about faults of the network, not about kill-pod"):
        ChaosRequest("kill-pod", **request_)


@pytest.mark.parametrize("fault", ["pause-node", "stop-node", "kill-kubelet", "lose-dns", "partition", "cpu-pressure", "memory-pressure"])
def test_nodes_dns_and_networks_of_an_existing_cluster_never_fail(fault: Fault) -> None:
    """They also serve others, whatever the user allows."""
    cluster = replace(CLUSTER, address=replace(CLUSTER.address, existing=True))
    with pytest.raises(ScenarioError, match=r"also serves others|only in a cluster that kindgate created"):
        ChaosRequest(fault).action(cluster, WEB).undo()


def test_the_ingress_controller_of_an_existing_cluster_is_never_killed() -> None:
    """It also serves others, whatever the user allows."""
    cluster = replace(CLUSTER, address=replace(CLUSTER.address, existing=True))
    with pytest.raises(ScenarioError, match="also serves others"):
        ChaosRequest("kill-ingress").action(cluster, WEB)
