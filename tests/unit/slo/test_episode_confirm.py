"""A FAIL about an episode stands only if a repetition of the action fails too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.episode import Episode, Requests
from kindgate.slo.episode_confirm import confirm_episodes, judge_repeated, needs_repetition
from kindgate.slo.episode_judge import EpisodeJudgement, judge_scenario
from kindgate.slo.episode_objectives import thresholds_for
from kindgate.slo.objectives import Objectives
from kindgate.slo.slo_file import parse_document
from tests.unit.slo.episodes import restart

LOST = {6: Requests(failed=3, unanswered=1)}
FEW = {8: Requests(unanswered=1)}
CONDITIONS: list[dict[str, Any]] = [{}, {"foreign": 0.4}, {"complete": False}, {"error": "it was not rolled out"}, {"phases": ()}]

episodes = st.builds(lambda lost, changes: restart(lost, **changes), st.sampled_from([{}, LOST, FEW]), st.sampled_from(CONDITIONS))


def confirmed(first: Episode, again: Episode, objectives: Objectives | None = None) -> EpisodeJudgement:
    """Return the judgement of `first` after its repetition, by the default or these objectives."""
    return confirm_episodes(judge_scenario(objectives or Objectives(), first), [first], [again])


@pytest.mark.parametrize(
    ("again", "verdict", "words"),
    [
        (
            restart(LOST),
            Verdict.FAIL,
            "4 of 4,800 requests lost: 3 failed, 1 unanswered, and when it was repeated, 4 of 4,800",
        ),
        (restart(FEW), Verdict.FAIL, "and when it was repeated, 1 of 4,800 requests lost: 1 unanswered (exact, without an interval)"),
        (
            restart(),
            Verdict.INCONCLUSIVE,
            "not confirmed: 4 of 4,800 requests lost: 3 failed, 1 unanswered, but when it was",
        ),
        (restart(LOST, foreign=0.4), Verdict.INVALID, "not confirmed: 4 of 4,800 requests lost"),
        (restart(phases=restart().phases[:1]), Verdict.INCONCLUSIVE, "its repetition was INCONCLUSIVE: rollout restart: no request"),
        (restart(error="it was not rolled out"), Verdict.FAIL, "and when it was repeated, 0 of 4,800 requests lost"),
    ],
    ids=["lost again", "fewer lost", "nothing lost", "invalid", "nothing sent", "stopped"],
)
def test_the_repetition_decides_about_a_fail(again: Episode, verdict: Verdict, words: str) -> None:
    """One sentence has both figures."""
    judgement = confirmed(restart(LOST), again)
    assert (judgement.verdict, judgement.episodes, judgement.repeated) == (verdict, 1, 1)
    assert judgement.results[0].measured == 4
    assert judgement.results[0].explanation.startswith(f"{verdict}: rollout restart: ")
    assert words in judgement.results[0].explanation


def test_each_objective_is_confirmed_by_itself() -> None:
    """One that failed both times is a FAIL, another that failed once is not; one that passed first cannot fail."""
    objectives = parse_document("scenarios: {rollout: {lost: ['count<4'], 'lost{kind:unanswered}': ['count==0'], outage: ['max<401']}}")
    again = restart({6: Requests(unanswered=2), 9: Requests(unanswered=1)})
    assert [result.verdict for result in confirmed(restart(LOST), again, objectives).results] == [
        Verdict.INCONCLUSIVE,
        Verdict.FAIL,
        Verdict.PASS,
    ]


def test_a_failed_check_of_the_repetition_is_reported() -> None:
    """Its figure stands in the list of checks, where the first one's was good."""
    judgement = confirmed(restart(LOST), restart(LOST, foreign=0.4))
    assert [check.measured for check in judgement.validity if check.failed] == ["40 % of the machine"]


@pytest.mark.parametrize(
    ("episode", "needed"),
    [
        (restart(), False),
        (restart(LOST), True),
        (restart(LOST, foreign=0.4), False),
        (restart(LOST, error="it was not rolled out"), False),
        (restart(phases=restart().phases[:1]), False),
    ],
    ids=["passed", "lost", "invalid", "stopped", "nothing sent"],
)
def test_only_a_fail_by_figures_is_repeated(episode: Episode, *, needed: bool) -> None:
    """The cluster states why an action stopped; it would take minutes to stop again."""
    judgement = judge_scenario(Objectives(), episode)
    assert needs_repetition(judgement, [episode]) is needed
    assert not needs_repetition(confirmed(episode, restart(LOST)), [episode])


def test_another_action_confirms_nothing() -> None:
    """It may lose requests for another reason."""
    with pytest.raises(SloError, match="rollout restart is a rollout update"):
        confirmed(restart(LOST), restart(LOST, action="update"))


@given(episodes, episodes)
def test_a_fail_needs_two(first: Episode, again: Episode) -> None:
    """Whatever happened, and however it is reached; what was no FAIL stays as it was, and a stopped action stays a FAIL."""
    alone, other = judge_scenario(Objectives(), first), judge_scenario(Objectives(), again)
    judgement = judge_repeated(thresholds_for((), "rollout", "restart"), [first], [again])
    assert judgement == confirm_episodes(alone, [first], [again])
    if alone.verdict is not Verdict.FAIL:
        assert judgement.verdict is alone.verdict
        assert judgement.results == alone.results
    elif first.error:
        assert judgement.verdict is Verdict.FAIL
    else:
        assert (judgement.verdict is Verdict.FAIL) == (other.verdict is Verdict.FAIL)
        assert judgement.verdict is not Verdict.PASS
