"""Run `kindgate scenario`: an episode against the running application, another if an objective is missed, and the exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from kindgate.cli.arguments import all_decoded
from kindgate.cli.console import stopwatch_progress
from kindgate.cli.steps import pipeline_for_steps
from kindgate.errors import ScenarioError, SettingsError
from kindgate.image_arguments import images_by_name
from kindgate.model import ObjectRef, Verdict
from kindgate.pipeline.environment import DeployedApplication, RunningCluster
from kindgate.pipeline.episode_run import episode_plan, episode_targets, run_episode
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.report.decision import exit_code_of
from kindgate.report.plain_text import aligned
from kindgate.scenarios.action import Action
from kindgate.scenarios.rollout import BadImage, Rollback, Rollout, Update
from kindgate.settings import Settings
from kindgate.slo.episode import Episode
from kindgate.slo.episode_confirm import confirm_episodes, needs_repetition
from kindgate.slo.episode_judge import judge_scenario
from kindgate.slo.episode_objectives import SCALING
from kindgate.slo.judge import overall

if TYPE_CHECKING:
    from kindgate.pipeline.provisioner import Pipeline

Change = Literal["restart", "update", "rollback", "bad-image"]


class ActionRequest(Protocol):
    """One call of a command that runs an episode of `scenario`."""

    @property
    def scenario(self) -> str:
        """The name that allows it on an existing cluster."""

    @property
    def workloads(self) -> tuple[str, ...]:
        """The names of the workloads to act on; empty for all behind the entries."""

    @property
    def json_file(self) -> Path | None:
        """Where to write the episode."""

    def action(self, cluster: RunningCluster, workloads: tuple[ObjectRef, ...]) -> Action:
        """The action that was requested; raises `SettingsError` for a value of another form."""


@dataclass(frozen=True)
class RolloutRequest:
    """One call of `kindgate scenario rollout`."""

    change: Change
    workloads: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    json_file: Path | None = None
    scenario: ClassVar[str] = "rollout"

    def __post_init__(self) -> None:
        if (self.change == "update") != bool(self.env or self.images):
            raise SettingsError("--env and --image describe an update", next_step="use `kindgate scenario rollout update --env NAME=VALUE`")

    def action(self, cluster: RunningCluster, workloads: tuple[ObjectRef, ...]) -> Rollout:
        """The action that was requested; raises `SettingsError` for a value of another form."""
        address = cluster.address
        if self.change == "bad-image":
            return BadImage(address, workloads)
        if self.change == "update":
            return Update(address, workloads, env=_variables(all_decoded(self.env)), images=images_by_name("--image", self.images))
        return (Rollback if self.change == "rollback" else Rollout)(address, workloads, self.change)


def run_requested(settings: Settings, *requests: ActionRequest) -> int:
    """Run an episode of each request in order, print its figures, and return the exit code of docs/exit-codes.md for the worst.

    Raises `SettingsError` on an existing cluster that does not allow the scenario.
    """
    for request in requests:
        _refuse_unless_allowed(settings, request)
    with pipeline_for_steps(settings) as pipeline:
        application = pipeline.environment_at(DeployedApplication)
        verdicts = [_run_one(settings, request, pipeline, application) for request in requests]
    return exit_code_of(overall(verdicts), settings.slo.inconclusive)


def _refuse_unless_allowed(settings: Settings, request: ActionRequest) -> None:
    if settings.cluster.existing is not None and request.scenario not in settings.scenario.allow:
        raise SettingsError(
            f"the scenario {request.scenario} replaces pods of your cluster",
            next_step=f"allow that with --scenario-allow {request.scenario}",
        )


def _run_one(settings: Settings, request: ActionRequest, pipeline: Pipeline, application: DeployedApplication) -> Verdict:
    """Run one episode and another if it is not confirmed, print their figures, and judge them."""
    progress = stopwatch_progress()
    plan = episode_plan(settings.load, pipeline.objectives, application, settings.scenario.rate)
    workloads, lock = episode_targets(application, request.workloads), load_lock_of_run(pipeline.run_id)

    def run() -> Episode:
        action = request.action(application.cluster, workloads)
        return run_episode(action, plan, application, load=settings.load, lock=lock, peak=settings.scenario.peak, progress=progress)

    episode = _shown(run())
    if request.json_file is not None:
        request.json_file.write_text(json.dumps(episode.to_json(), indent=2), encoding="utf-8")
    judgement = judge_scenario(pipeline.objectives, episode)
    if request.scenario != SCALING and needs_repetition(judgement, [episode]):
        progress("repeating it, to confirm what was missed")
        judgement = confirm_episodes(judgement, [episode], [_shown(run())])
    for _, explanation in judgement.explanations:
        print(explanation)
    return judgement.verdict


def _shown(episode: Episode) -> Episode:
    """Print the figures of an episode; raises `ScenarioError` if its action was not undone."""
    print("\n".join(figures(episode)))
    if episode.undone:
        raise ScenarioError("the application is not as it was before", last_state=episode.undone, next_step="run `kindgate scenario undo`")
    return episode


def figures(episode: Episode) -> list[str]:
    """The figures of an episode, as lines of a table."""
    requests = episode.requests
    rows = [
        (
            phase.phase.value,
            f"{phase.seconds:.1f} s",
            f"{phase.requests.scheduled:,}",
            f"{phase.requests.lost:,}",
            "" if phase.p95 is None else f"{phase.p95:.1f} ms",
        )
        for phase in episode.phases
    ]
    routes = [
        f"{route.route}: {route.requests.lost:,} lost, outage {route.outage:.2f} s" for route in episode.routes if route.requests.lost
    ]
    recovery = "it did not recover" if episode.recovery is None else f"recovered after {episode.recovery / 1000:.1f} s"
    what = f"{episode.scenario} {episode.action} of {', '.join(episode.targets)}"
    return [
        f"{what}: {requests.lost:,} of {requests.scheduled:,} requests lost; {recovery}",
        *aligned([("phase", "time", "requests", "lost", "p95"), *rows]),
        *routes,
        *(f"{event.at:7.2f} s  {event.source}: {event.text}" for event in episode.events),
    ]


def _variables(items: tuple[str, ...]) -> dict[str, str]:
    variables = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not (name and equals):
            raise SettingsError(f"--env: {item!r} is not of the form NAME=VALUE")
        variables[name] = value
    return variables
