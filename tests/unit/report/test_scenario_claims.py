"""Recomputing a report's scenarios: an honest report keeps its verdicts, a forged one does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.model import Verdict
from kindgate.report.base_objectives import BaseObjectives, is_edited
from kindgate.report.decision import decide
from kindgate.report.recompute import recompute_report
from kindgate.report.run_report import Outcome, RunReport
from kindgate.slo.episode import Requests
from kindgate.slo.objectives import Objectives
from tests.unit.report.played import judged, objectives, played_run, repeated
from tests.unit.slo.episodes import restart

LOSS = {6: Requests(failed=3, unanswered=1)}
LINES = ["lost: count==0", "lost: count<9", "lost{kind:failed}: rate<0.1", "outage: max<300", "recovery: avg<1", "error_budget: rate<0.01"]


@given(
    st.lists(st.sampled_from(LINES), min_size=1, unique_by=lambda line: line.partition(":")[0]),
    st.lists(st.sampled_from([{}, LOSS]), min_size=1, max_size=3),
    st.sampled_from([{}, {"foreign": 0.5}, {"complete": False}, {"error": "it was not rolled out"}, {"recovery": None}]),
)
def test_an_honest_report_keeps_everything(lines: list[str], losses: list[dict[int, Requests]], changes: dict[str, Any]) -> None:
    """Verdicts, figures, sentences, checks and the decision."""
    episodes = [restart(lost, **changes) for lost in losses]
    if "recovery" in changes:
        episodes = [replace(one, marks=replace(one.marks, recovered=None)) for one in episodes]
    report = played_run(judged(*episodes, by=objectives(*lines)), judged(restart(action="update")))
    recomputed = recompute_report(report)
    assert recomputed.recomputation is not None
    assert recomputed.recomputation.contradicted == ()
    assert len(recomputed.recomputation.claims) == len(lines) + 1
    assert (recomputed.scenarios, recomputed.gates, recomputed.outcome) == (report.scenarios, report.gates, report.outcome)
    assert decide(recomputed) == decide(report)


@pytest.mark.parametrize(("again", "verdict"), [(LOSS, Verdict.FAIL), ({}, Verdict.INCONCLUSIVE)])
def test_a_repetition_is_recomputed(again: dict[int, Requests], verdict: Verdict) -> None:
    """Both verdicts, the sentences and the decision; without the repetition, the first FAIL would stand."""
    report = played_run(repeated(restart(LOSS), restart(again)), judged(restart(action="update")))
    recomputed = recompute_report(report)
    assert recomputed.recomputation is not None
    assert recomputed.recomputation.contradicted == ()
    assert (recomputed.scenarios, recomputed.gates, recomputed.outcome) == (report.scenarios, report.gates, report.outcome)
    assert [row.verdict for record in recomputed.scenarios for row in record.objectives] == [verdict, Verdict.PASS]
    dropped = report.scenarios[0].model_copy(update={"repetition": ()})
    alone = recompute_report(report.model_copy(update={"scenarios": (dropped,)})).scenarios[0]
    assert alone.objectives[0].verdict is Verdict.FAIL


def test_a_forged_repetition_cannot_merge() -> None:
    """It is not one of the first episodes, nor of another action, nor one of several."""
    honest = forged(played_run(repeated(restart(LOSS), restart()), judged(restart(action="update"))))
    record, other = honest.scenarios
    for places in ((0,), (9,), other.episodes, (1, 2)):
        edited = record.model_copy(update={"repetition": places})
        assert contradicted(honest.model_copy(update={"scenarios": (edited, other)})) == [(Verdict.PASS, None)]


def forged(report: RunReport, **changes: Any) -> RunReport:
    """Return a report that claims PASS for all its scenarios, with changes to it."""
    scenarios = tuple(
        record.model_copy(update={"objectives": tuple(row.model_copy(update={"verdict": Verdict.PASS}) for row in record.objectives)})
        for record in report.scenarios
    )
    tests = tuple(test.model_copy(update={"outcome": "passed"}) for test in report.tests)
    passed = {"scenarios": scenarios, "tests": tests, "outcome": Outcome.PASSED, "exit_code": 0}
    return report.model_copy(update=passed | changes)


def contradicted(report: RunReport) -> list[tuple[Verdict | None, Verdict | None]]:
    """Return claimed and recomputed verdicts that differ; the report must not be able to merge."""
    recomputed = recompute_report(report)
    assert recomputed.recomputation is not None
    assert decide(report).may_merge
    assert not decide(recomputed).may_merge
    return [(one.claimed, one.verdict) for one in recomputed.recomputation.contradicted]


def test_a_claim_that_its_episodes_refute_is_a_fail() -> None:
    """A report cannot hold a lost request and claim that none was lost."""
    assert contradicted(forged(played_run(judged(restart(LOSS))))) == [(Verdict.PASS, Verdict.FAIL)]


def test_a_claim_without_its_episodes_cannot_merge() -> None:
    """Without episodes, with those of another action, or with impossible ones, nothing is known."""
    honest = forged(played_run(judged(restart(LOSS)), judged(restart(action="update"))))
    record, other = honest.scenarios
    (lost, update) = honest.episodes
    for places in ((), (9,), (0, 0), other.episodes):
        edited = record.model_copy(update={"episodes": places})
        assert contradicted(honest.model_copy(update={"scenarios": (edited, other)})) == [(Verdict.PASS, None)]
    routes = (lost.routes[0].model_copy(update={"requests": lost.routes[1].requests, "outage": 0.0}), lost.routes[1])
    assert contradicted(honest.model_copy(update={"episodes": (lost.model_copy(update={"routes": routes}), update)})) == [
        (Verdict.PASS, None)
    ]


def test_an_objective_that_cannot_be_written_cannot_merge() -> None:
    """A forged one could hold for any episode."""
    honest = forged(played_run(judged(restart(LOSS))))
    (record,) = honest.scenarios
    odd = record.model_copy(update={"objectives": (record.objectives[0].model_copy(update={"tags": {"host": "a"}}),)})
    assert contradicted(honest.model_copy(update={"scenarios": (odd,)})) == [(Verdict.PASS, None)]


def base_rows(report: RunReport, required: Objectives) -> list[tuple[str, Verdict | None]]:
    """Return the verdicts of the base's objectives."""
    base = BaseObjectives("main", required, bursts=10, rate=200.0, seconds=2.0, required=False)
    recomputed = recompute_report(report, base)
    assert recomputed.recomputation is not None
    assert recomputed.recomputation.base is not None
    assert decide(recomputed).may_merge == all(row.verdict is Verdict.PASS for row in recomputed.recomputation.base.rows)
    return [(row.objective, row.verdict) for row in recomputed.recomputation.base.rows]


def test_the_base_judges_the_episodes_of_a_looser_run() -> None:
    """A pull request that allows losses is judged by the base's objectives, or by the default if the base has none."""
    loose = played_run(judged(restart(LOSS), by=objectives("lost: count<9")))
    assert base_rows(loose, Objectives()) == [("rollout restart: lost: count==0", Verdict.FAIL)]
    assert base_rows(loose, objectives("lost: count<5", "outage: max<500")) == [
        ("rollout restart: lost: count<5", Verdict.PASS),
        ("rollout restart: outage: max<500", Verdict.PASS),
    ]
    assert base_rows(played_run(judged(restart())), Objectives()) == [("rollout restart: lost: count==0", Verdict.PASS)]


def test_the_base_counts_the_repetition_too() -> None:
    """A loss that was not repeated is no FAIL by the base's objectives either."""
    once, twice = (played_run(repeated(restart(LOSS), restart(again))) for again in ({}, LOSS))
    assert base_rows(once, Objectives()) == [("rollout restart: lost: count==0", Verdict.INCONCLUSIVE)]
    assert base_rows(twice, Objectives()) == [("rollout restart: lost: count==0", Verdict.FAIL)]


def test_a_route_that_is_no_longer_sent_is_not_judged() -> None:
    """A pull request cannot meet an objective about a route by leaving the route out."""
    report = played_run(judged(restart()))
    assert base_rows(report, objectives("lost{route:search}: count==0")) == [("rollout restart: lost{route:search}: count==0", None)]


def test_an_action_that_was_not_performed_is_not_missed() -> None:
    """Most runs perform few scenarios."""
    assert base_rows(played_run(judged(restart())), objectives("lost: count<9", scenario="chaos"))[1:] == []


def test_a_planted_failure_does_not_count_for_the_base() -> None:
    """A test with objectives of its own counts only if no other test performed the same action."""
    planted = judged(restart(LOSS), by=objectives("lost: count>0"), own=True)
    assert base_rows(played_run(planted, judged(restart())), Objectives()) == [("rollout restart: lost: count==0", Verdict.PASS)]
    assert base_rows(played_run(planted), Objectives()) == [("rollout restart: lost: count==0", Verdict.FAIL)]


@pytest.mark.parametrize(
    ("run", "required", "edited"),
    [
        (None, None, False),
        (objectives("lost: count==0"), None, False),
        (objectives("lost: count<9"), None, True),
        (objectives("lost: count<9"), objectives("lost: count<9"), False),
        (objectives("lost: count==0"), objectives("lost: count==0", "recovery: max<5"), True),
        (objectives("error_budget: rate<1"), objectives("error_budget: rate<1"), False),
        (None, objectives("lost{action:update}: count<5"), False),
    ],
)
def test_other_objectives_than_those_of_the_base_are_edited(run: Objectives | None, required: Objectives | None, *, edited: bool) -> None:
    """Only those of the action that the run performed are compared."""
    report = played_run(judged(restart(), by=run))
    base = BaseObjectives("main", replace(required or Objectives(), thresholds=()), bursts=10, rate=200.0, seconds=2.0)
    assert is_edited(report.judged, base, scenarios=report.scenarios) is edited
    own = played_run(judged(restart(), by=objectives("lost: count>0"), own=True))
    assert not is_edited(own.judged, base, scenarios=own.scenarios)
