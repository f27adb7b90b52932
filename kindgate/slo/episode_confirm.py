"""The confirmation of a FAIL by an independent repetition of the action.

One episode happens in seconds, and anything that slows the machine just then can lose a request that the application
answers on any other day. An application that loses requests in a rollout loses them in the next one too. A FAIL therefore
stands only if a repetition gives the same verdict; otherwise it is INCONCLUSIVE, or INVALID if the repetition was.
The repetition decides only what failed before: it cannot turn a PASS into a FAIL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.confirm import confirmed_verdict
from kindgate.slo.episode import Episode
from kindgate.slo.episode_explain import explain_repeated
from kindgate.slo.episode_figures import measure
from kindgate.slo.episode_judge import EpisodeJudgement, EpisodeResult, judge_episodes
from kindgate.slo.episode_objectives import EpisodeThreshold
from kindgate.slo.judge import overall
from kindgate.slo.validity import ValidityCheck


def needs_repetition(judgement: EpisodeJudgement, episodes: Sequence[Episode]) -> bool:
    """Whether the action must be repeated to confirm the judgement about `episodes`.

    An action that did not succeed is not repeated: the cluster states why, and a rollout that stops takes minutes.
    """
    return judgement.verdict is Verdict.FAIL and not judgement.repeated and not _unsuccessful(episodes)


def judge_repeated(thresholds: Sequence[EpisodeThreshold], episodes: Sequence[Episode], repetition: Sequence[Episode]) -> EpisodeJudgement:
    """Judge `episodes`, and what they miss by `repetition` too, if there is one. Raises `SloError` as `judge_episodes` does."""
    first = judge_episodes(thresholds, episodes)
    return confirm_episodes(first, episodes, repetition) if repetition else first


def confirm_episodes(first: EpisodeJudgement, episodes: Sequence[Episode], repetition: Sequence[Episode]) -> EpisodeJudgement:
    """The judgement `first` about `episodes` after its repetition. Raises `SloError` if `repetition` is of another action."""
    second = judge_episodes([result.threshold for result in first.results], repetition)
    if (first.scenario, first.action) != (second.scenario, second.action):
        raise SloError(
            f"the repetition of {first.scenario} {first.action} is a {second.scenario} {second.action}",
            next_step="repeat the same action",
        )
    stands = _unsuccessful(episodes)
    results = tuple(
        one if one.verdict is not Verdict.FAIL or stands else _confirmed(one, other, episodes, repetition)
        for one, other in zip(first.results, second.results, strict=True)
    )
    verdict = overall(result.verdict for result in results)
    validity = tuple(_worse(one, other) for one, other in zip(first.validity, second.validity, strict=True))
    return replace(first, verdict=verdict, results=results, validity=validity, repeated=second.episodes)


def _confirmed(first: EpisodeResult, second: EpisodeResult, episodes: Sequence[Episode], repetition: Sequence[Episode]) -> EpisodeResult:
    """The result of a threshold that failed first: its own figure, and the verdict of both."""
    verdict = confirmed_verdict(first.verdict, second.verdict)
    threshold = first.threshold
    figures = (measure(threshold, episodes), episodes), (measure(threshold, repetition), repetition)
    return replace(first, verdict=verdict, explanation=explain_repeated(threshold, verdict, *figures, second.explanation))


def _unsuccessful(episodes: Sequence[Episode]) -> bool:
    """Whether an action did not succeed, which is a FAIL whatever was lost."""
    return any(episode.error and episode.complete for episode in episodes)


def _worse(first: ValidityCheck, second: ValidityCheck) -> ValidityCheck:
    return second if second.failed and not first.failed else first
