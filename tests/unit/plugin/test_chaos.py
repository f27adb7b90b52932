"""The `chaos` fixture: which fault each call causes, and that a user's own cluster is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.model import ClusterAddress, ObjectRef, Rendered, Verdict
from kindgate.pipeline.environment import Environment, RunningCluster
from kindgate.plugin.chaos import Chaos
from kindgate.plugin.controller import LazyPipeline
from kindgate.report.judged_scenarios import JudgedEpisodes
from kindgate.scenarios.action import Action
from kindgate.settings import SloSettings
from kindgate.slo.episode import Episode, Requests
from kindgate.slo.slo_file import parse_document
from tests.unit.plugin.conftest import StandIn, reached
from tests.unit.slo.episodes import restart

WEB = ObjectRef("Deployment", "web", "shop")
OBJECTIVES = 'scenarios: {chaos: {lost: ["count==0"], "lost{action:kill-pods-now}": ["count<4"]}}'


def played(actions: list[Action], recorded: list[JudgedEpisodes]) -> Chaos:
    """The fixture, where each action loses three requests."""

    def run(action: Action) -> Episode:
        actions.append(action)
        return replace(restart({7: Requests(failed=3)}, undone=""), scenario=action.scenario, action=action.name)

    address = ClusterAddress("c", Path("kc"), "kind-c", "http://127.0.0.1:1")

    cluster = RunningCluster(address, Rendered(Path("app"), ()), Path("kubectl"), Path("artifacts"), Path("measurements"))
    objectives = parse_document(OBJECTIVES, "slo.yaml")
    return Chaos(cluster, lambda _: (WEB,), run, objectives=objectives, settings=SloSettings(), record=recorded.append)


def test_check_kills_a_pod_gracefully_and_judges() -> None:
    """The default fault may lose no request here, and it is repeated to confirm that it does."""
    actions: list[Action] = []
    recorded: list[JudgedEpisodes] = []

    with pytest.raises(pytest.fail.Exception, match="3 of 4,800 requests lost"):
        played(actions, recorded).check()

    assert [(action.scenario, action.name, action.targets) for action in actions] == [("chaos", "kill-pod", (str(WEB),))] * 2
    assert [one.judgement.verdict for one in recorded] == [Verdict.FAIL]


def test_a_fault_is_judged_by_what_it_may_cost() -> None:
    """Its own objective replaces that of the scenario."""
    chaos = played([], [])

    assert chaos.check(chaos.kill_pods("web", now=True)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "name", ["pause_node", "stop_node", "kill_kubelet", "lose_dns", "partition", "packet_loss", "cpu_pressure", "memory_pressure"]
)
def test_faults_that_last_are_named_as_on_the_command_line(name: str) -> None:
    """The name selects the objective."""
    actions: list[Action] = []

    episode = getattr(played(actions, []), name)(seconds=5)

    assert [action.name for action in actions] == [episode.action] == [name.replace("_", "-")]


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize(("allowed", "skipped"), [("rollout", True), ("chaos", False)])
def test_an_existing_cluster_is_left_alone_unless_faults_are_allowed(
    suite: pytest.Pytester, stand_in: StandIn, allowed: str, *, skipped: bool
) -> None:
    """Permission for another scenario does not suffice."""

    def reaches(_lazy: LazyPipeline) -> Environment:
        return reached("http://127.0.0.1:1", "foo.localhost")

    requested_stages = stand_in(reaches)
    suite.makepyfile("def test_kill(chaos): chaos.check()")
    cluster = ("--kind-existing", "kc", "--kind-context", "mine", "--ingress-url", "http://127.0.0.1:1")

    result = suite.runpytest_inprocess("-m", "chaos", *cluster, "--scenario-allow", allowed)

    result.assert_outcomes(**({"skipped": 1} if skipped else {"failed": 1}))
    assert bool(requested_stages) is not skipped
