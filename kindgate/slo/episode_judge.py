"""Judge episodes: PASS or FAIL as a fact, INCONCLUSIVE if nothing was sent, INVALID if the generator or its machine was at fault.

Figures are facts about one episode, or about repeated ones together, without intervals. Which verdicts hold in spite of a failed
check follows `kindgate.slo.validity`, with one difference: while pods are replaced, an ingress that waits for a CPU still sends to
ended ones and answers 502, so other programs can explain wrong answers too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.episode import Episode, Phase
from kindgate.slo.episode_explain import explain_episodes, first_line
from kindgate.slo.episode_figures import back_at_once, covered, lost_of, measure, of_lost, sent_during, total
from kindgate.slo.episode_objectives import (
    ERROR_BUDGET,
    LOST,
    P95,
    RECOVERY,
    EpisodeThreshold,
    refuse_unknown_routes,
    thresholds_for,
    tightest_time,
)
from kindgate.slo.judge import overall
from kindgate.slo.load_health import LoadHealth
from kindgate.slo.objectives import Objectives
from kindgate.slo.validity import Fault, ValidityCheck, check_foreign, check_generator

COMPLETE = "load"
"""Name of the check that the load lasted as long as planned."""


@dataclass(frozen=True)
class EpisodeResult:
    """One threshold. `measured` is None without data, and for a time that did not end; `requests` were scheduled in its part.

    `measured` and the threshold's limit are in the unit of its metric.
    """

    threshold: EpisodeThreshold
    verdict: Verdict
    measured: float | None
    requests: int
    explanation: str


@dataclass(frozen=True)
class EpisodeJudgement:
    """The verdicts about `episodes` episodes of one action, together, and about the `repeated` ones that were to confirm a FAIL."""

    scenario: str
    action: str
    episodes: int
    verdict: Verdict
    results: tuple[EpisodeResult, ...]
    validity: tuple[ValidityCheck, ...]
    repeated: int = 0

    @property
    def explanations(self) -> tuple[tuple[Verdict, str], ...]:
        """The verdict and the sentence of every threshold."""
        return tuple((result.verdict, result.explanation) for result in self.results)


def judge_scenario(objectives: Objectives, *episodes: Episode) -> EpisodeJudgement:
    """Judge one episode, or several of the same action together, by the objectives of its scenario or the default.

    Raises `SloError` as `judge_episodes` does, and for an objective about a route that was not sent.
    """
    if not episodes:
        raise SloError("no episode to judge", next_step="run the scenario first")
    thresholds = thresholds_for(objectives.scenarios, episodes[0].scenario, episodes[0].action)
    refuse_unknown_routes(thresholds, (route.route for episode in episodes for route in episode.routes))
    return judge_episodes(thresholds, episodes)


def judge_episodes(thresholds: Sequence[EpisodeThreshold], episodes: Sequence[Episode]) -> EpisodeJudgement:
    """Judge `episodes` of one action together. Raises `SloError` without thresholds or episodes, and for different actions."""
    if not thresholds or not episodes:
        raise SloError("no objective or no episode to judge", next_step="run the scenario, with an objective under scenarios:")
    actions = sorted({f"{episode.scenario} {episode.action}" for episode in episodes})
    if len(actions) > 1:
        raise SloError(f"episodes of different actions cannot be judged together: {', '.join(actions)}", next_step="judge each action")
    validity = check_episodes(episodes, tightest_time(thresholds))
    failed_checks = [check for check in validity if check.failed]
    results = tuple(_result(threshold, episodes, failed_checks) for threshold in thresholds)
    verdict = overall(result.verdict for result in results)
    return EpisodeJudgement(episodes[0].scenario, episodes[0].action, len(episodes), verdict, results, validity)


def check_episodes(episodes: Sequence[Episode], tightest: float | None) -> tuple[ValidityCheck, ...]:
    """The validity checks, each from the worst of the episodes; `tightest` (ms) is the smallest limit on a time."""
    foreign = max((episode.foreign for episode in episodes if episode.foreign is not None), default=None)
    cut_short = [episode for episode in episodes if not episode.complete]
    reason = next((f": {first_line(episode.error)}" for episode in cut_short if episode.error), "")
    complete = ValidityCheck(
        COMPLETE,
        ok=not cut_short,
        measured=f"ended early in {len(cut_short)} of {len(episodes)} episodes{reason}" if cut_short else "complete",
        required="complete",
        advice="the load was interrupted or a generator was lost: find out why, and measure again",
    )
    return (complete, *check_generator(_worst([episode.health for episode in episodes]), tightest), check_foreign(foreign))


def _worst(healths: Sequence[LoadHealth]) -> LoadHealth:
    """The worst known figure of each kind."""
    return LoadHealth(
        lag=max((one.lag for one in healths if one.lag is not None), default=None),
        punctual=min((one.punctual for one in healths if one.punctual is not None), default=None),
        cpu_share=max((one.cpu_share for one in healths if one.cpu_share is not None), default=None),
        steal=max((one.steal for one in healths if one.steal is not None), default=None),
        missing=max(one.missing for one in healths),
    )


def _result(threshold: EpisodeThreshold, episodes: Sequence[Episode], failed_checks: Sequence[ValidityCheck]) -> EpisodeResult:
    measured = measure(threshold, episodes)
    requests = total(covered(threshold, episode) for episode in episodes)
    verdict = _fact(threshold, measured) if requests.scheduled and any(map(sent_during, episodes)) else Verdict.INCONCLUSIVE
    if not requests.scheduled and threshold.tag_map.get("phase") == Phase.RECOVERY and back_at_once(episodes):
        verdict = Verdict.PASS
    blamed = [check for check in failed_checks if not _holds_despite(check, threshold, verdict, episodes)]
    error = next((episode.error for episode in episodes if episode.error and episode.complete), "")
    if blamed:
        verdict = Verdict.INVALID
    elif error:
        verdict = Verdict.FAIL
    explanation = explain_episodes(threshold, verdict, measured, episodes, blamed=blamed, error=error)
    finite = measured if measured is not None and math.isfinite(measured) else None
    return EpisodeResult(threshold, verdict, finite, requests.scheduled, explanation)


def _fact(threshold: EpisodeThreshold, measured: float | None) -> Verdict:
    """The verdict by the figure alone."""
    if measured is None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS if threshold.expression.holds(measured) else Verdict.FAIL


def _holds_despite(check: ValidityCheck, threshold: EpisodeThreshold, verdict: Verdict, episodes: Sequence[Episode]) -> bool:
    """Whether the failed check cannot explain the verdict."""
    match check.fault:
        case Fault.GENERATOR:
            return verdict is Verdict.FAIL and _missed_by_wrong_answers(threshold, episodes)
        case Fault.OTHERS:
            # What is compared with the time before the action depends on the CPU time that was left then.
            return verdict is not Verdict.FAIL and threshold.metric.name not in {RECOVERY, P95}
        case Fault.MACHINE | Fault.CLOSED_LOOP:
            return False


def _missed_by_wrong_answers(threshold: EpisodeThreshold, episodes: Sequence[Episode]) -> bool:
    """Whether the threshold would be missed if only wrong answers counted as lost."""
    if threshold.metric.name not in {LOST, ERROR_BUDGET}:
        return False
    requests = total(covered(threshold, episode) for episode in episodes)
    wrong = min(requests.failed, lost_of(threshold, requests)) if threshold.tag_map.get("kind", "failed") == "failed" else 0
    value = of_lost(threshold, wrong, requests.scheduled)
    return value is not None and not threshold.expression.holds(value)
