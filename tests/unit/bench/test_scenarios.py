"""The lines about repeated actions."""

from __future__ import annotations

from bench.scenarios import JudgedRun, run_line, summary_line
from kindgate.slo.episode import Episode, Requests
from kindgate.slo.episode_confirm import confirm_episodes
from kindgate.slo.episode_judge import judge_scenario
from kindgate.slo.objectives import Objectives
from tests.unit.slo.episodes import restart

LOST = restart({6: Requests(failed=3, unanswered=1)})


def judged(episode: Episode, repetition: Episode | None = None) -> JudgedRun:
    """Return a run with its verdict by the default objective."""
    judgement = judge_scenario(Objectives(), episode)
    confirmed = judgement if repetition is None else confirm_episodes(judgement, [episode], [repetition])
    return JudgedRun(episode, confirmed, repetition)


def test_a_line_states_what_was_lost_where_and_with_what_else_running() -> None:
    """With the repetition, if there was one."""
    assert run_line(1, judged(restart())) == "1: PASS, 0 of 4,800 lost (0 failed, 0 unanswered), 2.0% foreign CPU"
    line = run_line(2, judged(LOST, restart()))
    assert line == "2: INCONCLUSIVE, 4 of 4,800 lost (3 failed, 1 unanswered; foo 4), repeated: 0 of 4,800 lost, 2.0% foreign CPU"
    assert run_line(3, judged(restart(foreign=None, error="it stopped"))).endswith("unknown foreign CPU, it stopped")


def test_the_summary_counts_verdicts_and_losses() -> None:
    """Of first episodes; their repetitions are in the lines."""
    runs = [judged(restart()), judged(LOST, LOST), judged(LOST, restart())]
    assert summary_line("restart", runs) == ("restart: 3 runs, 1 PASS, 1 FAIL, 1 INCONCLUSIVE; 2 lost requests, 8 of 14,400 in total")
