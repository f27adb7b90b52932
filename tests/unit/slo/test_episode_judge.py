"""Verdicts about episodes: facts, missing data, and what a bad measurement excuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.slo.episode import Episode, Phase, PhaseFigures, ReplicaCount, Requests
from kindgate.slo.episode_judge import EpisodeJudgement, judge_episodes, judge_scenario
from kindgate.slo.load_health import LoadHealth
from kindgate.slo.objectives import Objectives
from kindgate.slo.slo_file import parse_document
from tests.unit.slo.episodes import MARKS, restart

RESET = {6: Requests(unanswered=4)}
WRONG = {6: Requests(failed=3), 8: Requests(failed=5)}
MIXED = {6: Requests(failed=3, unanswered=4, sent_twice=1)}


def objectives(*lines: str) -> Objectives:
    """Return the objectives of a rollout, each written as `selector: expression`, with an error budget of 1 %."""
    section = "".join(f"    {line.rpartition(': ')[0]}: ['{line.rpartition(': ')[2]}']\n" for line in lines)
    return parse_document(f"thresholds: {{http_req_failed: ['rate<0.01']}}\nscenarios:\n  rollout:\n{section}")


def judged(line: str, *episodes: Episode) -> EpisodeJudgement:
    """Return the judgement of one objective."""
    return judge_scenario(objectives(line), *episodes)


def test_without_a_section_no_request_may_be_lost() -> None:
    """The default is a fact with its number."""
    kept, lost = judge_scenario(Objectives(), restart()), judge_scenario(Objectives(), restart(RESET))
    assert (kept.verdict, kept.results[0].measured, kept.results[0].requests) == (Verdict.PASS, 0.0, 4800)
    assert "0 of 4,800 requests lost (exact for 1 episode" in kept.results[0].explanation
    assert lost.verdict is Verdict.FAIL
    assert "4 of 4,800 requests lost: 4 unanswered" in lost.results[0].explanation


@pytest.mark.parametrize(
    ("line", "measured", "verdict"),
    [
        ("lost: count==8", 8.0, Verdict.PASS),
        ("lost: count<8", 8.0, Verdict.FAIL),
        ("lost: rate<=0.001", 8 / 4800, Verdict.FAIL),
        ("lost{kind:unanswered}: count<5", 4.0, Verdict.PASS),
        ("lost{kind:sent_twice}: count<1", 1.0, Verdict.FAIL),
        ("lost{route:bar}: count==0", 0.0, Verdict.PASS),
        ("lost{route:foo}: rate<0.01", 8 / 2400, Verdict.PASS),
        ("lost{phase:during}: count==0", 8.0, Verdict.FAIL),
        ("lost{phase:after}: count==0", 0.0, Verdict.PASS),
        ("error_budget: rate<0.2", 8 / 48, Verdict.PASS),
        ("outage: max<400", 400.0, Verdict.FAIL),
        ("outage: max<=400", 400.0, Verdict.PASS),
        ("outage{route:bar}: max<1", 0.0, Verdict.PASS),
        ("first_success: max<5", 5.0, Verdict.FAIL),
        ("recovery: max<2001", 2000.0, Verdict.PASS),
        ("p95{phase:after}: max<8", 8.0, Verdict.FAIL),
    ],
)
def test_each_metric_is_a_fact_of_the_episode(line: str, measured: float, verdict: Verdict) -> None:
    """Counts are of the selected part, times in milliseconds."""
    result = judged(line, restart(MIXED)).results[0]
    assert result.measured == pytest.approx(measured)
    assert result.verdict is verdict
    assert result.explanation.startswith(f"{verdict}: rollout restart: ")


def test_repeated_episodes_are_judged_together() -> None:
    """Losses add up, times are aggregated over the episodes, and the sentence says how many there were."""
    episodes = [replace(restart(), recovery=1000.0 * place) for place in (3, 1, 2)] + [restart(RESET)]
    assert judged("lost: count<5", *episodes).results[0].measured == 4
    for line, measured in (("max<1", 3000), ("min<1", 1000), ("avg<1", 2000), ("med<1", 2000), ("p(50)<1", 2000), ("p(51)<1", 2000)):
        assert judged(f"recovery: {line}", *episodes).results[0].measured == measured
    assert judged("recovery: p(76)<1", *episodes).results[0].measured == 3000
    assert "exact for 4 episodes together" in judged("lost: count<5", *episodes).results[0].explanation


def test_a_recovery_that_did_not_happen_is_longer_than_any_limit() -> None:
    """It has no figure, and other aggregations still do."""
    never, back = replace(restart(), recovery=None), restart()
    result = judged("recovery: max<999999", never, back).results[0]
    assert (result.verdict, result.measured) == (Verdict.FAIL, None)
    assert "p95 was not back when the load ended" in result.explanation
    assert judged("recovery: min<3000", never, back).verdict is Verdict.PASS


def test_a_phase_without_answers_has_no_p95() -> None:
    """Requests without answers are slower than any limit; a phase without requests shows nothing."""
    phases = {phase.phase: phase for phase in restart().phases}
    silent = [PhaseFigures(Phase.DURING, 12.0, Requests(2400, unanswered=2400), None), phases[Phase.AFTER]]
    assert judged("p95{phase:during}: max<800", replace(restart(), phases=tuple(silent))).verdict is Verdict.FAIL
    assert judged("p95{phase:recovery}: max<800", replace(restart(), phases=tuple(silent))).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("line", ["lost: count==0", "lost{route:nosuch}: count==0", "outage{route:nosuch}: max<5", "lost: rate<0.1"])
def test_nothing_sent_decides_nothing(line: str) -> None:
    """Zero losses of zero requests, or only of those before the action, are no survival."""
    thresholds = objectives(line).scenarios
    before = replace(restart(), phases=restart().phases[:1])
    assert judge_episodes(thresholds, [before]).verdict is Verdict.INCONCLUSIVE
    unknown = "nosuch" in line
    assert judge_episodes(thresholds, [restart()]).verdict is (Verdict.INCONCLUSIVE if unknown else Verdict.PASS)


@pytest.mark.parametrize("line", ["lost{phase:recovery}: count==0", "lost{phase:recovery}: rate<0.1", "p95{phase:recovery}: max<9"])
def test_a_recovery_that_took_no_time_misses_nothing(line: str) -> None:
    """Its phase is empty because there was nothing to recover from; without recovery nothing is known."""
    phases = [replace(one, requests=Requests(), p95=None) if one.phase is Phase.RECOVERY else one for one in restart().phases]
    at_once = replace(restart(), phases=tuple(phases), marks=replace(MARKS, recovered=MARKS.ended), recovery=0.0)
    result = judged(line, at_once).results[0]
    assert (result.verdict, result.requests) == (Verdict.PASS, 0)
    assert "the steady state was back when the action ended" in result.explanation
    never = replace(at_once, marks=replace(MARKS, recovered=None), recovery=None)
    assert judged(line, never).verdict is Verdict.INCONCLUSIVE
    assert judged(line, replace(at_once, error="it failed")).verdict is Verdict.FAIL
    assert judged(line, replace(at_once, foreign=0.5)).verdict is (Verdict.INVALID if "p95" in line else Verdict.PASS)


def test_an_objective_about_an_unknown_route_is_an_error() -> None:
    """A misspelled route would never be missed; the error names the place and the routes."""
    with pytest.raises(SloError, match="no request has this route") as raised:
        judged("lost{route:fooo}: count==0", restart())
    assert "rollout: lost{route:fooo}: count==0" in raised.value.message
    assert raised.value.next_step == "routes that are sent: bar, foo"
    assert judged("lost{route:foo}: count==0", restart()).verdict is Verdict.PASS


BUSY: dict[str, Any] = {"foreign": 0.4}
LATE: dict[str, Any] = {"health": LoadHealth(punctual=0.5)}
CUT: dict[str, Any] = {"complete": False}
STOLEN: dict[str, Any] = {"health": LoadHealth(steal=0.3)}
GOOD = LoadHealth(lag=0.1, punctual=1.0, cpu_share=0.1, steal=0.0)
KEPT, BAD = Verdict.PASS, Verdict.INVALID


@pytest.mark.parametrize(
    ("line", "lost", "busy", "late", "stolen"),
    [
        ("lost: count==0", {}, KEPT, BAD, BAD),
        ("lost: count==0", RESET, BAD, BAD, BAD),
        ("lost: count==0", WRONG, BAD, Verdict.FAIL, BAD),
        ("lost: count<8", MIXED, BAD, BAD, BAD),
        ("lost: rate<0.0001", WRONG, BAD, Verdict.FAIL, BAD),
        ("lost{kind:unanswered}: count<1", MIXED, BAD, BAD, BAD),
        ("error_budget: rate<0.01", WRONG, BAD, Verdict.FAIL, BAD),
        ("outage: max<500", {}, KEPT, BAD, BAD),
        ("outage: max<1", WRONG, BAD, BAD, BAD),
        ("recovery: max<9000", {}, BAD, BAD, BAD),
        ("p95{phase:during}: max<800", {}, BAD, BAD, BAD),
    ],
)
def test_a_bad_measurement_excuses_what_it_can_explain(
    line: str, lost: dict[int, Requests], busy: Verdict, late: Verdict, stolen: Verdict
) -> None:
    """The generator makes no answer wrong; an ingress that waits for other programs does (502), and a slowed machine excuses everything."""
    for conditions, verdict in ((BUSY, busy), (LATE, late), (CUT, late), (STOLEN, stolen)):
        judgement = judged(line, restart(health=GOOD), restart(lost, **conditions))
        assert judgement.verdict is verdict, conditions
        assert any(check.failed for check in judgement.validity)


def test_an_invalid_sentence_names_the_condition() -> None:
    """A reader learns what was wrong with the measurement, and what to do."""
    text = judged("lost: count==0", restart(RESET, **BUSY)).results[0].explanation
    assert text.startswith("INVALID: rollout restart: foreign CPU: 40 % of the machine (valid: at most 15 %)")
    assert "stop them" in text


def test_an_action_that_failed_proves_nothing() -> None:
    """No loss during a rollout that never happened is a FAIL with the reason, not a PASS."""
    judgement = judge_scenario(Objectives(), restart(error="Deployment shop/web was not rolled out in 60 s.\nmore"))
    assert judgement.verdict is Verdict.FAIL
    assert "did not succeed: Deployment shop/web was not rolled out in 60 s (0 of 4,800 requests lost" in judgement.results[0].explanation


def test_a_load_that_ended_early_is_no_failure_of_the_action() -> None:
    """Its reason belongs to the measurement; wrong answers until then still count."""
    cut: dict[str, Any] = {"complete": False, "error": "a load generator exited"}
    judgement = judge_scenario(Objectives(), restart(**cut))
    assert judgement.verdict is Verdict.INVALID
    assert "load: ended early in 1 of 1 episodes: a load generator exited (valid: complete)" in judgement.results[0].explanation
    lost = judge_scenario(Objectives(), restart(WRONG, **cut))
    assert lost.verdict is Verdict.FAIL
    assert "8 of 4,800 requests lost" in lost.results[0].explanation
    assert "did not succeed" not in lost.results[0].explanation


def test_losses_before_the_action_are_named() -> None:
    """They count, but a reader must not blame the action for them."""
    text = judge_scenario(Objectives(), restart({2: Requests(failed=2), 6: Requests(failed=1)})).results[0].explanation
    assert "3 of 4,800 requests lost: 3 failed, 2 of them before the action" in text


def test_episodes_of_different_actions_are_not_pooled() -> None:
    """A mix would have no meaning; neither has a judgement of nothing."""
    with pytest.raises(SloError, match="rollout restart, rollout update"):
        judge_scenario(Objectives(), restart(), restart(action="update"))
    with pytest.raises(SloError, match="no episode"):
        judge_scenario(Objectives())
    with pytest.raises(SloError, match="no objective"):
        judge_episodes((), [restart()])


@given(
    st.lists(st.dictionaries(st.integers(5, 16), st.builds(Requests, failed=st.integers(0, 9), unanswered=st.integers(0, 9))), min_size=1)
)
def test_a_pass_of_no_losses_means_no_losses(losses: list[dict[int, Requests]]) -> None:
    """However they are spread over episodes, seconds and kinds."""
    number = sum(count.lost for lost in losses for count in lost.values())
    judgement = judge_scenario(Objectives(), *map(restart, losses))
    assert judgement.results[0].measured == number
    assert judgement.verdict is (Verdict.FAIL if number else Verdict.PASS)


@pytest.mark.parametrize(
    ("counts", "measured", "verdict", "words"),
    [
        (((0.0, "web", 2), (3.0, "web", 1), (4.0, "web", 2), (9.5, "web", 3)), 4500.0, Verdict.PASS, "= 4,500 ms"),
        (((0.0, "web", 2), (0.0, "api", 2), (7.0, "api", 1), (8.0, "api", 2)), None, Verdict.FAIL, "no additional pod became ready"),
        ((), None, Verdict.INCONCLUSIVE, "the number of ready pods is unknown"),
    ],
    ids=["one more", "only replaced", "unknown"],
)
def test_a_scale_out_is_timed_by_the_first_additional_pod(
    counts: tuple[tuple[float, str, int], ...], measured: float | None, verdict: Verdict, words: str
) -> None:
    """Counted from the beginning of the action: what was ready then is no new pod, and a pod that returns is none either."""
    replicas = tuple(ReplicaCount(*count) for count in counts)
    episode = replace(restart(), scenario="scaling", action="scale-out", replicas=replicas)
    result = judge_scenario(Objectives(), episode).results[0]
    assert (result.measured, result.verdict) == (measured, verdict)
    assert words in result.explanation
