"""Changed answers in reports: rows, pages, the decision about them, and what a publisher recomputes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kindgate.model import Verdict
from kindgate.report.answer_records import ANSWERS_LIMIT, AnswersRow, answers_records, kept_rows
from kindgate.report.base_objectives import BaseObjectives, is_edited
from kindgate.report.decision import decide
from kindgate.report.headline import headline
from kindgate.report.html import report_page
from kindgate.report.junit_properties import answers_properties
from kindgate.report.markdown import comment
from kindgate.report.plain_text import terminal_lines
from kindgate.report.recompute import recompute_report
from kindgate.report.run_report import Outcome, RunReport
from kindgate.slo.answers import AnswerChange, RouteAnswers
from kindgate.slo.answers_verdict import judge_answers
from kindgate.slo.compare import Comparison
from kindgate.slo.objectives import AnswersObjective, Objectives, Tolerance
from kindgate.slo.planned_load import PlannedLoad, PlannedSeries
from tests.unit.report.bursts import shop_burst
from tests.unit.report.judged_runs import compared_run

SAME = AnswersObjective(same=True)
CHANGE = AnswerChange("JSON price", "5", '"5"', 10, 10)
TOLERANCES = Objectives(compare=(Tolerance(50, 0.2),))


def rows_of(objective: AnswersObjective = SAME, **routes: tuple[AnswerChange, ...]) -> tuple[AnswersRow, ...]:
    """Return the rows of ten compared requests per route."""
    results = judge_answers(objective, [RouteAnswers(name, 10, changes) for name, changes in routes.items()])
    return answers_records(Comparison(Verdict.PASS, (), ()).with_answers(results), "test_duet")


def with_answers(report: RunReport, rows: tuple[AnswersRow, ...]) -> RunReport:
    """Return a report of a run with these answers, as the run itself would write it."""
    failed = any(row.verdict is Verdict.FAIL for row in rows)
    return report.model_copy(update={"answers": rows} | ({"outcome": Outcome.FAILED, "exit_code": 20} if failed else {}))


def base(objective: AnswersObjective | None = SAME, **more: Any) -> BaseObjectives:
    """Return the objectives of branch main."""
    objectives = replace(TOLERANCES, answers=objective)
    return BaseObjectives("main", objectives, **{"bursts": 10, "rate": 200.0, "seconds": 2.0, "compares": True} | more)


def test_a_changed_answer_fails_the_comparison() -> None:
    """It counts as any other missed objective, and one that is only reported does not count."""
    comparison = Comparison(Verdict.PASS, (), ())
    changed = [RouteAnswers("detail", 10, (CHANGE,)), RouteAnswers("list", 10, ())]
    assert comparison.with_answers(judge_answers(SAME, changed)).verdict is Verdict.FAIL
    assert comparison.with_answers(judge_answers(SAME, changed[1:])).verdict is Verdict.PASS
    assert comparison.with_answers(judge_answers(AnswersObjective(), changed)).verdict is Verdict.PASS
    assert comparison.with_answers(judge_answers(SAME, [RouteAnswers("list", 0, ())])).verdict is Verdict.INVALID


@pytest.mark.parametrize(("objective", "outcome"), [(SAME, "FAIL"), (AnswersObjective(), "PASS")])
def test_every_page_shows_the_route_and_its_example(passing: RunReport, objective: AnswersObjective, outcome: str) -> None:
    """Comment, HTML page and terminal name route, place and both values; a route that answered alike is not listed."""
    report = with_answers(passing, rows_of(objective, detail=(CHANGE,), quiet_route=()))
    assert decide(report).verdict == outcome
    for page in (comment(report), "\n".join(terminal_lines(report))):
        assert "detail" in page
        assert "JSON price" in page
        assert "10 of 10" in page
        assert "quiet_route" not in page
    assert "JSON price" in report_page(report)


def test_the_headline_names_the_changed_answer(passing: RunReport) -> None:
    """A reader sees at once what changed."""
    report = with_answers(passing, rows_of(detail=(CHANGE,), search=(CHANGE,)))
    assert "".join(headline(report).summary) == 'the answers of detail changed: JSON price: 5 -> "5", and 1 more route'


def test_the_properties_of_a_route() -> None:
    """CI tools read them from junit.xml."""
    assert answers_properties(rows_of(detail=(CHANGE,))) == [
        ("answers.compared[detail]", "10"),
        ("answers.changes[detail]", "1"),
        ("answers.change[detail]", 'JSON price: 5 -> "5"'),
        ("answers.verdict[detail]", "FAIL"),
    ]


def test_a_report_keeps_the_changed_routes_if_there_are_too_many() -> None:
    """A failure must not be lost behind hundreds of equal answers."""
    many = rows_of(steady=()) * ANSWERS_LIMIT
    kept = kept_rows((*many, *rows_of(last=(CHANGE,))))
    assert len(kept) == ANSWERS_LIMIT
    assert kept[0].route == "last"


@pytest.fixture(name="run", scope="module")
def _run() -> RunReport:
    return compared_run(TOLERANCES, shop_burst, 10)


def decision_of(run: RunReport, rows: tuple[AnswersRow, ...], required: BaseObjectives) -> tuple[list[Verdict | None], str]:
    """Return the base's verdicts about answers, and the reason of the decision."""
    recomputed = recompute_report(with_answers(run, rows), required)
    assert recomputed.recomputation is not None
    assert recomputed.recomputation.base is not None
    found = [row for row in recomputed.recomputation.base.rows if "answers" in row.objective]
    return [row.verdict for row in found], " ".join(row.reason for row in found)


def test_the_base_requires_equal_answers_of_every_planned_route(run: RunReport) -> None:
    """A report without answers, without a route's, with fewer requests or headers, or with changes cannot pass."""
    load = PlannedLoad(
        (
            PlannedSeries({"route": "list", "method": "GET"}, 10),
            PlannedSeries({"route": "order", "method": "POST"}, 10),
            PlannedSeries({"route": "step", "method": "GET", "journey": "buy"}, 10),
        )
    )
    same = rows_of(list=())
    assert decision_of(run, same, base(load=load))[0] == [Verdict.PASS]
    assert decision_of(run, (), base()) == ([None], "this run did not compare any answers")
    assert decision_of(run, rows_of(detail=()), base(load=load))[0] == [Verdict.PASS, None]
    assert decision_of(run, rows_of(list=(CHANGE,)), base(load=load))[0] == [Verdict.FAIL]
    assert decision_of(run, rows_of(AnswersObjective(), list=(CHANGE,)), base(load=load))[0] == [Verdict.FAIL]
    assert decision_of(run, same, base(replace(SAME, headers=("etag",))))[0] == [None]
    assert decision_of(run, same, base(replace(SAME, requests=20)))[0] == [None]
    assert decision_of(run, (), base(AnswersObjective()))[0] == []
    assert decision_of(run, (), base(None))[0] == []


def test_a_claim_that_its_changes_refute_is_a_fail(run: RunReport) -> None:
    """A report cannot list a change and claim PASS."""
    forged = tuple(row.model_copy(update={"verdict": Verdict.PASS}) for row in rows_of(detail=(CHANGE,)))
    recomputed = recompute_report(run.model_copy(update={"answers": forged}))
    assert recomputed.recomputation is not None
    assert [(one.claimed, one.verdict) for one in recomputed.recomputation.contradicted] == [(Verdict.PASS, Verdict.FAIL)]
    assert decide(recomputed).reason.startswith("the report claims PASS for answers of detail")
    assert recomputed.answers[0].verdict is Verdict.FAIL
    honest = run.model_copy(update={"answers": rows_of(detail=())})
    assert decide(recompute_report(honest)) == decide(honest)


def test_a_dropped_requirement_is_an_edited_objective(run: RunReport) -> None:
    """A pull request that no longer requires equal answers is judged by the base's objectives, unless a maintainer accepts that."""
    assert not is_edited(run.judged, base(bursts=10), rows_of(list=()))
    assert is_edited(run.judged, base(), rows_of(AnswersObjective(), list=()))
    assert is_edited(run.judged, base(None), rows_of(list=()))
    assert not is_edited(run.judged, base(None), rows_of(AnswersObjective(), list=()))
