"""Rows of a report for the verdicts of the judge: thresholds, comparisons and validity checks."""

from __future__ import annotations

import math

from kindgate.report.baseline_outcome import NO_BASELINE, BaselineFigures, baseline_outcome
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.judged import selector_tags
from kindgate.report.markdown_escape import shortened
from kindgate.report.objective_records import ComparisonRow, EarlierLooks, ThresholdOutcome, ValidityRow
from kindgate.slo.compare import Comparison, ComparisonResult
from kindgate.slo.episode_judge import EpisodeJudgement
from kindgate.slo.judgement import Judgement, ThresholdResult
from kindgate.slo.threshold import MetricType


def objective_records(judgement: Judgement, test: str = "", base: BaselineFigures = NO_BASELINE) -> tuple[ThresholdOutcome, ...]:
    """Report records of a judgement's thresholds; `base` are the baseline's figures."""
    return tuple(_objective(result, test, base) for result in judgement.results)


def comparison_records(comparison: Comparison, test: str = "") -> tuple[ComparisonRow, ...]:
    """Report records of the comparison with the baseline."""
    return tuple(_compared(result, test) for result in comparison.results)


def validity_rows(judgement: Judgement | Comparison | EpisodeJudgement, test: str = "") -> tuple[ValidityRow, ...]:
    """Report records of the validity checks of a judgement or a comparison."""
    return tuple(
        ValidityRow(
            name=check.name,
            ok=check.ok,
            measured=shortened(check.measured, LINE_LIMIT),
            asked=shortened(check.required, LINE_LIMIT),
            advice=shortened(check.advice, LINE_LIMIT),
            test=shortened(test, LINE_LIMIT),
        )
        for check in judgement.validity
    )


def _objective(result: ThresholdResult, test: str, figures: BaselineFigures) -> ThresholdOutcome:
    threshold = result.threshold
    base, base_outcome = baseline_outcome(threshold, figures)
    low, high = result.interval or (None, None)
    return ThresholdOutcome(
        metric=shortened(str(threshold.selector), NAME_LIMIT),
        expression=shortened(str(threshold.expression), LINE_LIMIT),
        verdict=result.verdict,
        measured=_finite(result.measured),
        unit="share" if threshold.selector.metric.type is MetricType.RATE else result.unit,
        limit=_finite(result.limit),
        low=_finite(low),
        high=_finite(high),
        margin=_margin(result),
        base=base,
        on_base=base_outcome,
        samples=result.samples,
        bursts=result.bursts,
        explanation=shortened(result.explanation, LINE_LIMIT),
        trend=shortened(result.drift, LINE_LIMIT),
        per_burst=tuple(_finite(value) for value in result.trend[:500]),
        test=shortened(test, LINE_LIMIT),
    )


def _compared(result: ComparisonResult, test: str) -> ComparisonRow:
    metric = result.tolerance.selector.metric
    low, high = result.interval or (None, None)
    return ComparisonRow(
        metric=result.tolerance.statistic,
        of=metric.name,
        tags=selector_tags(result.tolerance.selector),
        unit=metric.unit,
        base=_finite(result.base),
        head=_finite(result.head),
        change=_finite(result.change),
        low=_finite(low),
        high=_finite(high),
        tolerance=result.tolerance.max_regression,
        verdict=result.verdict,
        explanation=shortened(result.explanation, LINE_LIMIT),
        test=shortened(test, LINE_LIMIT),
        first=_earlier(result.first) if result.first is not None else None,
    )


def _earlier(result: ComparisonResult) -> EarlierLooks:
    low, high = result.interval or (None, None)
    return EarlierLooks(verdict=result.verdict, change=_finite(result.change), low=_finite(low), high=_finite(high), pairs=result.bursts)


def _margin(result: ThresholdResult) -> float | None:
    """The remaining share of the limit; None if the limit is 0 or requires one exact value."""
    measured, limit, expression = _finite(result.measured), result.limit, result.threshold.expression
    if measured is None or limit == 0 or expression.compares_equal:
        return None
    margin = (limit - measured) / abs(limit)
    return margin if expression.wants_less else -margin


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
