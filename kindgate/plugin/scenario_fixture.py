"""What the fixtures of scenarios have in common: actions run in episodes of load, and episodes are judged and recorded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from kindgate.errors import ScenarioError
from kindgate.model import ObjectRef, Verdict
from kindgate.pipeline.environment import DeployedApplication, RunningCluster
from kindgate.pipeline.episode_run import episode_plan, episode_targets, run_episode
from kindgate.pipeline.report_builder import Measurement
from kindgate.plugin.inconclusive import apply_policy
from kindgate.plugin.item_objectives import slo_file_of
from kindgate.plugin.provisioning_access import load_lock_of, provider_of
from kindgate.plugin.session_state import SETTINGS
from kindgate.report.judged_scenarios import JudgedEpisodes, scenario_figures
from kindgate.report.junit_properties import scenario_properties
from kindgate.report.scenario_summary import summaries_of
from kindgate.scenarios.action import Action
from kindgate.settings import SloSettings
from kindgate.slo.episode import Episode
from kindgate.slo.episode_confirm import confirm_episodes, needs_repetition
from kindgate.slo.episode_judge import EpisodeJudgement, judge_scenario
from kindgate.slo.judge import overall
from kindgate.slo.objectives import Objectives

FindTargets = Callable[[tuple[str, ...]], tuple[ObjectRef, ...]]
"""Finds the workloads of these names, or all behind the application's entries."""

RunAction = Callable[[Action], Episode]

MakeAction = Callable[[], Action]
"""Creates the same action anew: each can be run once."""


class ScenarioFixture(ABC):
    """Runs the actions of one scenario, each in an episode of load and undone at its end, and judges the episodes."""

    def __init__(
        self,
        cluster: RunningCluster,
        find_targets: FindTargets,
        run: RunAction,
        *,
        objectives: Objectives,
        settings: SloSettings,
        record: Callable[[JudgedEpisodes], object],
    ) -> None:
        self._cluster = cluster
        self._address = cluster.address
        self._find_targets = find_targets
        self._run_action = run
        self._objectives = objectives
        self._settings = settings
        self._record = record
        self._done: list[tuple[Episode, MakeAction]] = []

    def judge(self, *episodes: Episode) -> EpisodeJudgement:
        """Judge episodes of one action together, by the scenario's objectives in the SLO file; without it, no request may be lost.

        Without an episode, runs the scenario's default action first. If an objective is missed, the same is done once more: a
        FAIL that the repetition does not confirm is INCONCLUSIVE.
        """
        judged = episodes or (self._default(),)
        judgement = judge_scenario(self._objectives, *judged)
        repetition = self._repeat(judged) if needs_repetition(judgement, judged) else ()
        if repetition:
            judgement = confirm_episodes(judgement, judged, repetition)
        self._record(JudgedEpisodes(judged, judgement, repetition=repetition))
        return judgement

    def check(self, *episodes: Episode) -> EpisodeJudgement:
        """Judge, and fail the test if an objective is missed or the measurement is invalid; `episodes` is as for `judge`.

        An inconclusive objective warns, fails or passes according to --slo-inconclusive.
        """
        return self._enforce(self.judge(*episodes))

    def _enforce(self, *judgements: EpisodeJudgement) -> EpisodeJudgement:
        """Fail the test unless all judgements pass, and return the worst."""
        verdict = overall(judgement.verdict for judgement in judgements)
        results = (result for judgement in judgements for result in judgement.results)
        apply_policy(verdict, (result.explanation for result in results if result.verdict is not Verdict.PASS), self._settings)
        return next(judgement for judgement in judgements if judgement.verdict is verdict)

    @abstractmethod
    def _default(self) -> Episode:
        """An episode of the action that is judged if a test names none."""

    def _repeat(self, episodes: Sequence[Episode]) -> tuple[Episode, ...]:
        """An episode of the same action for each; none if one of them was not run by this fixture."""
        makers = [make for episode in episodes for known, make in self._done if known is episode]
        return tuple(map(self._run, makers)) if len(makers) == len(episodes) else ()

    def _run(self, make: MakeAction) -> Episode:
        episode = self._run_action(make())
        if episode.undone:
            raise ScenarioError(
                "the application is not as it was before the action", last_state=episode.undone, next_step="run `kindgate scenario undo`"
            )
        self._done.append((episode, make))
        return episode


Fixture = TypeVar("Fixture", bound=ScenarioFixture)


def fixture_of(kind: type[Fixture], item: pytest.Item, application: DeployedApplication) -> Fixture:
    """The fixture of one test."""
    settings = item.config.stash[SETTINGS]
    objectives = slo_file_of(item.config).objectives

    def find_targets(names: tuple[str, ...]) -> tuple[ObjectRef, ...]:
        return episode_targets(application, names)

    def run(action: Action) -> Episode:
        plan = episode_plan(settings.load, objectives, application, settings.scenario.rate)
        return run_episode(action, plan, application, load=settings.load, lock=load_lock_of(item.config), peak=settings.scenario.peak)

    def record(judged: JudgedEpisodes) -> None:
        provider_of(item.config).record(Measurement(item.nodeid, scenarios=(judged,)))
        figures = scenario_figures([(item.nodeid, judged)])
        item.user_properties += scenario_properties(summaries_of(figures.scenarios, figures.episodes))

    return kind(
        application.cluster,
        find_targets,
        run,
        objectives=objectives,
        settings=settings.slo,
        record=record,
    )
