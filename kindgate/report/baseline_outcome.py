"""Whether a failure also occurs in the baseline, from the comparison's figures in the same run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from kindgate.model import Verdict
from kindgate.report.objective_records import ThresholdOutcome
from kindgate.report.run_report import TestResult
from kindgate.slo.compare import Comparison
from kindgate.slo.threshold import PERCENTILE, Selector, Threshold

BaselineFigures = Mapping[tuple[Selector, float], float]
"""Times of the baseline in milliseconds, by selector and quantile (0 to 100)."""

NO_BASELINE: BaselineFigures = MappingProxyType({})

_MEDIAN = 50.0


def baseline_figures(comparisons: Iterable[Comparison]) -> BaselineFigures:
    """The baseline's figures from the comparisons of a run; for each selector and quantile, the first counts."""
    figures: dict[tuple[Selector, float], float] = {}
    for comparison in comparisons:
        for result in comparison.results:
            if result.base is not None and math.isfinite(result.base):
                figures.setdefault((result.tolerance.selector, result.tolerance.quantile), result.base)
    return figures


def baseline_outcome(threshold: Threshold, figures: BaselineFigures) -> tuple[float | None, Literal["", "passed", "failed"]]:
    """The baseline's figure for a threshold, and whether the baseline meets it.

    Only what a comparison covers is known: percentiles of the selectors that it compares.
    """
    expression = threshold.expression
    quantile = {"med": _MEDIAN, PERCENTILE: expression.quantile}.get(expression.aggregation)
    figure = figures.get((threshold.selector, quantile)) if quantile is not None else None
    if figure is None:
        return None, ""
    return figure, "passed" if expression.holds(figure) else "failed"


def with_baseline_outcomes(tests: Iterable[TestResult], objectives: Iterable[ThresholdOutcome]) -> tuple[TestResult, ...]:
    """The tests, with the baseline's outcome for those that failed because of a missed objective.

    If only this version misses one of a test's objectives, the failure is new; if the baseline misses all of them, it is not.
    """
    outcomes: dict[str, set[str]] = {}
    for objective in objectives:
        if objective.verdict is Verdict.FAIL:
            outcomes.setdefault(objective.test, set()).add(objective.on_base)
    return tuple(_with_baseline_outcome(test, outcomes.get(test.node_id, set())) for test in tests)


def _with_baseline_outcome(test: TestResult, outcomes: set[str]) -> TestResult:
    if test.outcome != "failed":
        return test
    if "passed" in outcomes:
        return test.model_copy(update={"base": "passed"})
    return test.model_copy(update={"base": "failed"}) if outcomes == {"failed"} else test
