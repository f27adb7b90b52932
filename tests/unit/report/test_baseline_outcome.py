"""Failures that the base version shares, and new ones."""

from __future__ import annotations

from typing import Literal

import pytest

from kindgate.model import Verdict
from kindgate.pipeline.report_builder import Measurement, build_report
from kindgate.report.baseline_outcome import BaselineFigures, baseline_figures, baseline_outcome, with_baseline_outcomes
from kindgate.report.markdown import comment
from kindgate.report.run_report import Run, RunReport, TestResult
from kindgate.slo.compare import Comparison, ComparisonResult
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judgement import Judgement, ThresholdResult
from kindgate.slo.objectives import RESPONSE_TIMES, Tolerance

TEST = "tests/e2e/test_slo.py::test_slo"


def _compared(quantile: float, base: float | None) -> ComparisonResult:
    return ComparisonResult(Tolerance(quantile, 0.1), Verdict.PASS, base, 50.0, 0.0, None, 600, 10, 0.5, 0.01, "no slower")


def _comparison(*figures: tuple[float, float | None]) -> Comparison:
    return Comparison(Verdict.PASS, tuple(_compared(*figure) for figure in figures), ())


def _judged(text: str, verdict: Verdict, measured: float) -> Judgement:
    threshold = parse_marker((text,), "test")[0]
    result = ThresholdResult(threshold, verdict, measured, "ms", threshold.expression.limit, None, 600, 10, None, "why")
    return Judgement(verdict, (result,), ())


def _report(text: str, verdict: Verdict, measured: float, *figures: tuple[float, float | None]) -> RunReport:
    measurements = [Measurement(TEST, judgement=_judged(text, verdict, measured)), Measurement("duet", comparison=_comparison(*figures))]
    test = TestResult(node_id=TEST, outcome="failed" if verdict is Verdict.FAIL else "passed", seconds=1.0)
    return build_report(Run(id="1", started=0.0, seconds=1.0), exit_code=1, measurements=measurements, tests=(test,))


@pytest.mark.parametrize(
    ("base", "outcome", "cell"), [(48.5, "passed", "no, new: 48.5 ms"), (61.2, "failed", "yes: 61.2 ms")], ids=["new", "not new"]
)
def test_a_missed_objective_has_the_baseline_outcome(base: float, outcome: str, cell: str) -> None:
    """The objective's row and its test's row both say so."""
    report = _report("p(95)<50", Verdict.FAIL, 81.3, (95.0, base))

    (objective,), (test,) = report.objectives, report.tests
    assert (objective.base, objective.on_base, test.base) == (base, outcome, outcome)
    page = comment(report)
    assert f"| ❌ FAIL | {cell} |" in page
    assert ("the baseline fails too" in page) == (outcome == "failed")


@pytest.mark.parametrize(("base", "cell"), [(48.5, "no: 48.5 ms"), (61.2, "yes: 61.2 ms")])
def test_a_met_objective_has_the_baseline_outcome(base: float, cell: str) -> None:
    """A met objective also shows the baseline's result: a pull request may fix a failure."""
    assert f"| ✅ PASS | {cell} |" in comment(_report("p(95)<50", Verdict.PASS, 40.0, (95.0, base)))


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("p(99)<50", {(RESPONSE_TIMES, 95.0): 10.0}),
        ("avg<50", {(RESPONSE_TIMES, 95.0): 10.0, (RESPONSE_TIMES, 50.0): 10.0}),
        ("http_req_duration{host:foo.localhost}: p(95)<50", {(RESPONSE_TIMES, 95.0): 10.0}),
        ("service_time: p(95)<50", {(RESPONSE_TIMES, 95.0): 10.0}),
        ("http_req_failed: rate<0.01", {(RESPONSE_TIMES, 95.0): 10.0}),
    ],
)
def test_an_uncompared_objective_has_no_baseline_outcome(text: str, figures: BaselineFigures) -> None:
    """Another percentile, an average, a subset of the requests or another metric gets no statement."""
    assert baseline_outcome(parse_marker((text,), "test")[0], figures) == (None, "")


def test_the_median_can_be_written_as_med_or_p50() -> None:
    """`med` is `p(50)`."""
    assert baseline_outcome(parse_marker(("med<50",), "test")[0], {(RESPONSE_TIMES, 50.0): 10.0}) == (10.0, "passed")


def test_a_compared_route_has_its_own_baseline_figure() -> None:
    """The baseline's p(95) of a route says whether it meets the same threshold of that route."""
    route = RESPONSE_TIMES.with_tag("route", "checkout")
    threshold = parse_marker(("http_req_duration{route:checkout}: p(95)<50",), "test")[0]

    assert baseline_outcome(threshold, {(RESPONSE_TIMES, 95.0): 10.0, (route, 95.0): 61.0}) == (61.0, "failed")


def test_a_baseline_without_responses_has_no_figures() -> None:
    """A baseline that answered nothing has no percentiles."""
    assert baseline_figures([_comparison((95.0, None), (50.0, 3.0)), _comparison((50.0, 4.0))]) == {(RESPONSE_TIMES, 50.0): 3.0}


@pytest.mark.parametrize(
    ("found", "base"), [(("failed", "failed"), "failed"), (("failed", "passed"), "passed"), (("failed", ""), ""), (("", ""), "")]
)
def test_a_test_failure_is_new_if_any_of_its_objectives_is(found: tuple[Literal["", "passed", "failed"], ...], base: str) -> None:
    """A test fails on base too only if all its failed objectives are known to."""
    row = _report("p(95)<50", Verdict.FAIL, 81.3, (95.0, 40.0)).objectives[0]
    objectives = [row.model_copy(update={"on_base": one}) for one in found]

    (test,) = with_baseline_outcomes([TestResult(node_id=TEST, outcome="failed", seconds=1.0)], objectives)

    assert test.base == base


def test_a_test_that_failed_for_another_reason_is_unchanged() -> None:
    """A setup error has nothing to do with objectives."""
    row = _report("p(95)<50", Verdict.FAIL, 81.3, (95.0, 40.0)).objectives[0]
    error = TestResult(node_id=TEST, outcome="error", seconds=1.0)
    other = TestResult(node_id="tests/e2e/test_x.py::test_x", outcome="failed", seconds=1.0)

    assert with_baseline_outcomes([error, other], [row]) == (error, other)
