"""The `rollout` fixture: episodes are judged and recorded, and a user's own cluster is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, ObjectRef, Rendered, Verdict
from kindgate.pipeline.environment import Environment, RunningCluster
from kindgate.plugin.controller import LazyPipeline
from kindgate.plugin.inconclusive import InconclusiveWarning
from kindgate.plugin.rollout import Rollouts
from kindgate.report.judged_scenarios import JudgedEpisodes
from kindgate.scenarios.action import Action
from kindgate.scenarios.rollout import BadImage, Rollback, Rollout, Update
from kindgate.settings import SloSettings
from kindgate.slo.episode import Episode, Requests
from kindgate.slo.objectives import Objectives
from kindgate.slo.slo_file import parse_document
from tests.unit.plugin.conftest import StandIn, pipeline_of, reached
from tests.unit.slo.episodes import restart

WEB = ObjectRef("Deployment", "web", "shop")
LOSSES = {7: Requests(failed=3)}


class Played:
    """Rollouts whose episodes are given, with the actions that were run and what was recorded."""

    def __init__(self, *episodes: Episode, objectives: Objectives = Objectives()) -> None:  # noqa: B008  # frozen
        self.actions: list[Action] = []
        self.named: list[tuple[str, ...]] = []
        self.recorded: list[JudgedEpisodes] = []
        self._episodes = list(episodes)
        address = ClusterAddress("c", Path("kc"), "kind-c", "http://127.0.0.1:1")
        cluster = RunningCluster(address, Rendered(Path("app"), ()), Path("kubectl"), Path("artifacts"), Path("measurements"))
        self.rollouts = Rollouts(
            cluster, self._targets, self._run, objectives=objectives, settings=SloSettings(), record=self.recorded.append
        )

    def _targets(self, names: tuple[str, ...]) -> tuple[ObjectRef, ...]:
        self.named.append(names)
        return (WEB,)

    def _run(self, action: Action) -> Episode:
        self.actions.append(action)
        return replace(self._episodes.pop(0), action=action.name)


def test_check_restarts_and_judges() -> None:
    """Without an episode, it runs the default one, and records it with its verdict."""
    played = Played(restart(undone=""))

    judgement = played.rollouts.check()

    assert judgement.verdict is Verdict.PASS
    assert [(action.name, action.targets) for action in played.actions] == [("restart", (str(WEB),))]
    (recorded,) = played.recorded
    assert (recorded.judgement, [episode.action for episode in recorded.episodes]) == (judgement, ["restart"])


def test_each_method_does_what_it_is_called() -> None:
    """To the workloads that are named."""
    played = Played(*[restart(undone="")] * 4)

    episodes = [played.rollouts.restart("a"), played.rollouts.update("b", env={"A": "b"})]
    episodes += [played.rollouts.rollback("c"), played.rollouts.bad_image("d")]

    assert [episode.action for episode in episodes] == ["restart", "update", "rollback", "bad-image"]
    assert [type(action) for action in played.actions] == [Rollout, Update, Rollback, BadImage]
    assert played.named == [("a",), ("b",), ("c",), ("d",)]


def test_requests_that_are_lost_twice_fail_the_test() -> None:
    """No request may be lost by default; the failed verdict is recorded too, with the repetition."""
    played = Played(restart(LOSSES, undone=""), restart(LOSSES, undone=""))

    with pytest.raises(pytest.fail.Exception, match="3 of 4,800 requests lost: 3 failed, and when it was repeated, 3 of 4,800"):
        played.rollouts.check()

    (recorded,) = played.recorded
    assert recorded.judgement.verdict is Verdict.FAIL
    assert (len(recorded.episodes), len(recorded.repetition)) == (1, 1)
    assert [action.name for action in played.actions] == ["restart", "restart"]


def test_requests_that_are_lost_once_are_inconclusive() -> None:
    """Something slowed the machine in one of the two; the action is repeated as the test wrote it."""
    played = Played(restart(LOSSES, undone=""), restart(undone=""))

    with pytest.warns(InconclusiveWarning, match="not confirmed: 3 of 4,800 requests lost"):
        judgement = played.rollouts.check(played.rollouts.update("web", env={"A": "b"}))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert [(type(action), action.name) for action in played.actions] == [(Update, "update")] * 2
    assert played.named == [("web",), ("web",)]


def test_only_a_fail_is_repeated() -> None:
    """Nor is one of an episode that came from elsewhere, which nothing can repeat."""
    lost = restart(LOSSES)
    played = Played(restart(undone=""), restart(LOSSES, foreign=0.5, undone=""), restart(error="it stopped", undone=""))

    verdicts = [played.rollouts.judge().verdict for _ in range(3)] + [played.rollouts.judge(lost).verdict]

    assert verdicts == [Verdict.PASS, Verdict.INVALID, Verdict.FAIL, Verdict.FAIL]
    assert len(played.actions) == 3


def test_the_slo_file_decides_what_may_be_lost() -> None:
    """Its section about the scenario replaces the default."""
    objectives = parse_document('scenarios: {rollout: {lost: ["count<4"]}}', "slo.yaml")

    assert Played(restart(LOSSES, undone=""), objectives=objectives).rollouts.check().verdict is Verdict.PASS


def test_several_episodes_are_judged_together() -> None:
    """Their losses add up, so each alone would hold."""
    objectives = parse_document('scenarios: {rollout: {lost: ["count<4"]}}', "slo.yaml")
    played = Played(*[restart(LOSSES, undone="")] * 4, objectives=objectives)
    episodes = [played.rollouts.update("web", env={"A": "b"}), played.rollouts.update("web", images={"app": "app:2"})]

    judgement = played.rollouts.judge(*episodes)

    assert (judgement.verdict, judgement.episodes, judgement.action) == (Verdict.FAIL, 2, "update")
    assert played.named == [("web",)] * 4


def test_an_episode_that_was_not_judged_is_not_recorded() -> None:
    """A test can expect losses."""
    played = Played(restart(LOSSES, undone=""))

    assert played.rollouts.bad_image().requests.lost == 3
    assert played.recorded == []


def test_an_application_that_was_not_restored_fails_the_test() -> None:
    """Later tests would judge something else; what differs is shown."""
    played = Played(restart(undone="Deployment shop/web: spec.template differs"))

    with pytest.raises(ScenarioError, match="not as it was before") as raised:
        played.rollouts.restart()

    assert "spec.template" in raised.value.last_state


CONFTEST = """
import json
from pathlib import Path
import pytest
from kindgate.plugin import scenario_fixture
from kindgate.slo.episode import Episode

@pytest.fixture(autouse=True)
def _cluster(monkeypatch):
    monkeypatch.setattr(scenario_fixture, "episode_targets", lambda application, names: ())
    monkeypatch.setattr(scenario_fixture, "episode_plan", lambda *arguments: None)
    episode = Episode.from_json(json.loads(Path("episode.json").read_text()))
    monkeypatch.setattr(scenario_fixture, "run_episode", lambda *arguments, **options: episode)
"""
"""Stands in for the cluster, in workers too."""


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_judged_episode_reaches_the_reports(suite: pytest.Pytester, stand_in: StandIn, workers: tuple[str, ...]) -> None:
    """The controller's report holds the episode that a worker measured, and junit.xml its figures; the run fails."""

    def reaches(lazy: LazyPipeline) -> Environment:
        pipeline_of(lazy)
        return reached("http://127.0.0.1:1", "foo.localhost")

    stand_in(reaches)
    suite.makeconftest(CONFTEST)
    (suite.path / "episode.json").write_text(json.dumps(restart(LOSSES, undone="").to_json()))
    suite.makepyfile("def test_restart(rollout): rollout.check()")

    result = suite.runpytest_inprocess("-m", "rollout", *workers)

    report = json.loads((suite.path / "artifacts/report.json").read_text())
    result.assert_outcomes(failed=1)
    assert report["outcome"] == "failed"
    played = [(one["scenario"], one["action"], one["episodes"], one["repetition"]) for one in report["scenarios"]]
    assert played == [("rollout", "restart", [0], [1])]
    assert [one["targets"] for one in report["episodes"]] == [["Deployment shop/web"]] * 2
    properties = ET.parse(suite.path / "artifacts/junit.xml").iter("property")
    assert {each.get("name"): each.get("value") for each in properties}["scenario.lost[rollout restart]"] == "3"


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize(("options", "outcomes"), [((), {"skipped": 1}), (("--scenario-allow", "rollout"), {"failed": 1})])
def test_an_existing_cluster_is_left_alone_unless_it_is_allowed(
    suite: pytest.Pytester, stand_in: StandIn, options: tuple[str, ...], outcomes: dict[str, int]
) -> None:
    """A rollout replaces the pods of somebody's cluster; here there would be none."""

    def reaches(_lazy: LazyPipeline) -> Environment:
        return reached("http://127.0.0.1:1", "foo.localhost")

    requested_stages = stand_in(reaches)
    suite.makepyfile("def test_restart(rollout): rollout.check()")
    cluster = ("--kind-existing", "kc", "--kind-context", "mine", "--ingress-url", "http://127.0.0.1:1")

    result = suite.runpytest_inprocess("-m", "rollout", "-rs", *cluster, *options)

    result.assert_outcomes(**outcomes)
    assert bool(requested_stages) is bool(options)
    if options:
        result.stdout.fnmatch_lines(["*no Deployment, StatefulSet or DaemonSet of the manifests is behind an entry*"])


def test_only_known_scenarios_can_be_allowed(suite: pytest.Pytester) -> None:
    """A misspelled name would silently skip every test."""
    result = suite.runpytest_subprocess("--scenario-allow", "rolout")

    assert result.ret == 10
    result.stderr.fnmatch_lines(["*--scenario-allow: 'rolout' is not one of rollout, chaos*"])
