"""Recompute a report's scenarios from its episodes: its own claims, and the base branch's objectives. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kindgate.model import Verdict
from kindgate.report.episode_records import EpisodeRecord
from kindgate.report.frozen_record import LINE_LIMIT
from kindgate.report.judged_scenarios import scenario_record
from kindgate.report.markdown_escape import shortened
from kindgate.report.recomputation import RecomputedVerdict
from kindgate.report.scenario_records import ScenarioObjective, ScenarioRecord
from kindgate.slo.episode import Episode
from kindgate.slo.episode_confirm import judge_repeated
from kindgate.slo.episode_judge import EpisodeJudgement
from kindgate.slo.episode_objectives import EpisodeThreshold, thresholds_for

NO_EPISODES = "the report has no episodes for it"
NOTHING_SENT = "this run sent no request that it applies to"


@dataclass(frozen=True)
class RecomputedScenario:
    """One scenario of a report, recomputed; `problem` is why it could not be recomputed, otherwise empty."""

    claimed: ScenarioRecord
    episodes: tuple[Episode, ...] = ()
    repetition: tuple[Episode, ...] = ()
    judgement: EpisodeJudgement | None = None
    problem: str = ""

    @property
    def record(self) -> ScenarioRecord:
        """The record with the recomputed verdicts; one that cannot be recomputed is a FAIL."""
        if self.judgement is not None:
            claimed = self.claimed
            return scenario_record(self.judgement, claimed.test, claimed.episodes, repetition=claimed.repetition, own=claimed.own)
        failed = {"verdict": Verdict.FAIL, "explanation": shortened(f"{Verdict.FAIL}: cannot be recomputed: {self.problem}.", LINE_LIMIT)}
        return self.claimed.model_copy(update={"objectives": tuple(row.model_copy(update=failed) for row in self.claimed.objectives)})

    @property
    def claims(self) -> tuple[RecomputedVerdict, ...]:
        """What the report claims, and the verdicts of its episodes."""
        rows = zip(self.claimed.objectives, self.record.objectives, strict=True)
        return tuple(_claim(self.claimed, claimed, row, self.problem) for claimed, row in rows)


def recompute_scenarios(records: Iterable[ScenarioRecord], episodes: Sequence[EpisodeRecord]) -> tuple[RecomputedScenario, ...]:
    """Each of a report's scenarios, judged anew; `episodes` are all of the report's."""
    return tuple(_recomputed(record, episodes) for record in records)


def base_scenarios(recomputed: Sequence[RecomputedScenario], thresholds: Sequence[EpisodeThreshold]) -> tuple[RecomputedVerdict, ...]:
    """The base branch's objectives about the actions that a run performed, judged from its episodes.

    Those that a test judged by objectives of its own count only if no other test performed the same action: a suite may
    plant a failure to see it found. An action that the run did not perform is not missed: most runs perform few of them.
    """
    rows: list[RecomputedVerdict] = []
    for name in dict.fromkeys(one.claimed.name for one in recomputed):
        same = [one for one in recomputed if one.claimed.name == name]
        for one in [other for other in same if not other.claimed.own] or same:
            rows += _base_rows(one, thresholds_for(thresholds, one.claimed.scenario, one.claimed.action))
    return tuple(rows)


def edits_scenarios(records: Iterable[ScenarioRecord], thresholds: Sequence[EpisodeThreshold]) -> bool:
    """Whether a run judged an action by other objectives than those of the base; those of its tests do not count."""
    try:
        return any(
            {row.threshold(record.scenario) for row in record.objectives}
            != {replace(one, origin="") for one in thresholds_for(thresholds, record.scenario, record.action)}
            for record in records
            if not record.own
        )
    except ValueError:
        return True


def _recomputed(record: ScenarioRecord, episodes: Sequence[EpisodeRecord]) -> RecomputedScenario:
    problem = _problem(record, episodes)
    if problem:
        return RecomputedScenario(record, problem=problem)
    played = tuple(episodes[place].episode() for place in record.episodes)
    repetition = tuple(episodes[place].episode() for place in record.repetition)
    try:
        judgement = judge_repeated([row.threshold(record.scenario) for row in record.objectives], played, repetition)
    except ValueError as error:
        return RecomputedScenario(record, played, repetition, problem=str(error))
    return RecomputedScenario(record, played, repetition, judgement)


def _problem(record: ScenarioRecord, episodes: Sequence[EpisodeRecord]) -> str:
    """The error in a scenario's episodes; empty if they are valid."""
    if not record.episodes:
        return NO_EPISODES
    places = (*record.episodes, *record.repetition)
    if max(places) >= len(episodes) or len(set(places)) < len(places):
        return "the report refers to episodes that it does not contain, or to one of them twice"
    if record.repetition and len(record.repetition) != len(record.episodes):
        return "the report has another number of repeated episodes than of first ones"
    chosen = [episodes[place] for place in places]
    if any((one.scenario, one.action) != (record.scenario, record.action) for one in chosen):
        return "the report refers to episodes of another action"
    return next((f"an episode's figures are impossible: {one.inconsistency}" for one in chosen if one.inconsistency), "")


def _claim(record: ScenarioRecord, claimed: ScenarioObjective, row: ScenarioObjective, problem: str) -> RecomputedVerdict:
    return RecomputedVerdict(
        objective=shortened(f"{record.name}: {row}", LINE_LIMIT),
        test=record.test,
        own=record.own,
        claimed=claimed.verdict,
        verdict=None if problem else row.verdict,
        reason=shortened(problem, LINE_LIMIT) or row.explanation,
    )


def _base_rows(one: RecomputedScenario, thresholds: Sequence[EpisodeThreshold]) -> list[RecomputedVerdict]:
    if one.judgement is None:
        return [
            RecomputedVerdict(objective=shortened(str(threshold), LINE_LIMIT), reason=shortened(one.problem, LINE_LIMIT))
            for threshold in thresholds
        ]
    record = scenario_record(judge_repeated(thresholds, one.episodes, one.repetition), "", one.claimed.episodes)
    names = [shortened(f"{record.name}: {row}", LINE_LIMIT) for row in record.objectives]
    return [
        RecomputedVerdict(objective=name, reason=NOTHING_SENT)
        if "route" in row.tags and not row.requests
        else RecomputedVerdict(objective=name, verdict=row.verdict, reason=row.explanation)
        for name, row in zip(names, record.objectives, strict=True)
    ]
