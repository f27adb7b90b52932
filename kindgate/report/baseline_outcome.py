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
from kindgate.slo.threshold import DEFAULT_METRIC, METRICS, PERCENTILE, Selector, Threshold

BaselineFigures = Mapping[float, float]
"""Response times of the baseline in milliseconds, by quantile (0 to 100)."""

NO_BASELINE: BaselineFigures = MappingProxyType({})

_MEDIAN = 50.0


def baseline_figures(comparisons: Iterable[Comparison]) -> BaselineFigures:
    """The baseline's figures from the comparisons of a run; for each quantile, the first counts."""
    figures: dict[float, float] = {}
    for comparison in comparisons:
        for result in comparison.results:
            if result.base is not None and math.isfinite(result.base):
                figures.setdefault(result.tolerance.quantile, result.base)
    return figures


def baseline_outcome(threshold: Threshold, figures: BaselineFigures) -> tuple[float | None, Literal["", "passed", "failed"]]:
    """The baseline's figure for a threshold, and whether the baseline meets it.

    Comparisons cover only percentiles of all requests: for other thresholds nothing is known.
    """
    expression = threshold.expression
    quantile = {"med": _MEDIAN, PERCENTILE: expression.quantile}.get(expression.aggregation)
    if threshold.selector != Selector(METRICS[DEFAULT_METRIC]) or quantile is None or quantile not in figures:
        return None, ""
    return figures[quantile], "passed" if expression.holds(figures[quantile]) else "failed"


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
