"""The `scaling` fixture: both directions are judged, metrics are requested, and applications without autoscalers are skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ClusterAddress, Rendered, Verdict
from kindgate.pipeline.environment import Environment, RunningCluster
from kindgate.plugin.controller import LazyPipeline
from kindgate.plugin.scaling import Scaling
from kindgate.report.judged_scenarios import JudgedEpisodes
from kindgate.scenarios.action import Action
from kindgate.settings import SloSettings
from kindgate.slo.episode import Episode, ReplicaCount, Requests
from kindgate.slo.objectives import Objectives
from tests.unit.deploy.objects import deployment, rendered
from tests.unit.plugin.conftest import StandIn, reached
from tests.unit.scenarios.autoscaler_objects import WEB, autoscaler
from tests.unit.slo.episodes import restart

APPLICATION = rendered(deployment(), autoscaler())
SCALED = (ReplicaCount(0.0, str(WEB), 2), ReplicaCount(8.0, str(WEB), 3))


NO_CHANGES: Mapping[str, Episode] = MappingProxyType({})


def played(
    actions: list[Action],
    recorded: list[JudgedEpisodes],
    manifests: Rendered = APPLICATION,
    changes: Mapping[str, Episode] = NO_CHANGES,
) -> Scaling:
    """The fixture, where a scale-out takes three seconds; `changes` are other episodes by action."""

    def run(action: Action) -> Episode:
        actions.append(action)
        episode = changes.get(action.name, restart(replicas=SCALED))
        return replace(episode, scenario=action.scenario, action=action.name)

    address = ClusterAddress("c", Path("kc"), "kind-c", "http://127.0.0.1:1")
    cluster = RunningCluster(address, manifests, Path("kubectl"), Path("artifacts"), Path("measurements"))
    return Scaling(cluster, lambda _: (WEB,), run, objectives=Objectives(), settings=SloSettings(), record=recorded.append)


def test_check_scales_out_and_in_and_judges_both() -> None:
    """By default a new pod is ready in time, and a scale-in loses no request."""
    actions: list[Action] = []
    recorded: list[JudgedEpisodes] = []

    assert played(actions, recorded).check().verdict is Verdict.PASS

    assert [(action.scenario, action.name, action.targets) for action in actions] == [
        ("scaling", "scale-out", (str(WEB),)),
        ("scaling", "scale-in", (str(WEB),)),
    ]
    rows = [result for one in recorded for result in one.judgement.results]
    assert [(str(row.threshold), row.measured) for row in rows] == [
        ("scaling: scale_out: max<120000", 3000.0),
        ("scaling: lost: count==0", 0.0),
    ]


@pytest.mark.parametrize(
    ("episodes", "message"),
    [
        ({"scale-in": restart({7: Requests(failed=3)}, replicas=SCALED)}, "scale-in: 3 of 4,800 requests lost"),
        ({"scale-out": restart(replicas=SCALED[:1])}, "no additional pod became ready"),
        ({"scale-out": restart(replicas=SCALED, error="web did not add a pod: ScalingActive is False")}, "ScalingActive is False"),
    ],
    ids=["lost", "no pod", "error"],
)
def test_check_fails_for_what_either_direction_misses(episodes: dict[str, Episode], message: str) -> None:
    """The reason is in the failure; the other direction is judged too."""
    recorded: list[JudgedEpisodes] = []
    with pytest.raises(pytest.fail.Exception, match=message):
        played([], recorded, changes=episodes).check()
    assert sorted(one.judgement.verdict for one in recorded) == [Verdict.FAIL, Verdict.PASS]


def test_an_episode_can_be_judged_alone() -> None:
    """Losses during the ramp are no default objective."""
    scaling = played([], [], changes={"scale-out": restart({7: Requests(failed=3)}, replicas=SCALED)})
    assert scaling.check(scaling.scale_out("web")).verdict is Verdict.PASS


def test_a_workload_without_an_autoscaler_is_an_error() -> None:
    """Nothing would happen to it."""
    with pytest.raises(ScenarioError, match="no HorizontalPodAutoscaler"):
        played([], [], rendered(deployment())).scale_out()


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_the_pipeline_learns_that_autoscalers_need_metrics(
    suite: pytest.Pytester, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Before any stage is reached, from a worker too, and only in a run of the scenario; without an autoscaler the test is skipped."""
    requests: list[str] = []
    original = LazyPipeline.request_autoscaling

    def request(lazy: LazyPipeline) -> None:
        requests.append("autoscaling")
        original(lazy)

    def reaches(lazy: LazyPipeline) -> Environment:
        assert lazy._settings.autoscaling is ("autoscaling" in requests)
        return reached("http://127.0.0.1:1", "foo.localhost")

    monkeypatch.setattr(LazyPipeline, "request_autoscaling", request)
    stand_in(reaches)
    suite.makepyfile("def test_scaling(scaling): scaling.check()\ndef test_rollout(rollout): pass")

    suite.runpytest_inprocess("-m", "rollout", *workers)
    assert requests == []
    result = suite.runpytest_inprocess("-m", "scaling", *workers, "-rs")

    assert requests == ["autoscaling"]
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*the application's manifests have no HorizontalPodAutoscaler*"])


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize(("allowed", "skipped"), [("rollout", True), ("scaling", False)])
def test_an_existing_cluster_is_left_alone_unless_scaling_is_allowed(
    suite: pytest.Pytester, stand_in: StandIn, allowed: str, *, skipped: bool
) -> None:
    """Permission for another scenario does not suffice."""

    def reaches(_lazy: LazyPipeline) -> Environment:
        return reached("http://127.0.0.1:1", "foo.localhost", rendered=APPLICATION)

    stages = stand_in(reaches)
    suite.makepyfile("def test_scaling(scaling): assert False")
    cluster = ("--kind-existing", "kc", "--kind-context", "mine", "--ingress-url", "http://127.0.0.1:1")

    result = suite.runpytest_inprocess("-m", "scaling", *cluster, "--scenario-allow", allowed)

    result.assert_outcomes(**({"skipped": 1} if skipped else {"failed": 1}))
    assert bool(stages) is not skipped
