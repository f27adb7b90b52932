"""One readable sentence per verdict: the measured value, its uncertainty, the amount of data, and the scope."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kindgate.figures import figure, milliseconds, percent
from kindgate.model import Verdict
from kindgate.slo.intervals import Finding, Interval
from kindgate.slo.threshold import Metric, MetricType, Threshold
from kindgate.slo.validity import ValidityCheck

SCOPE = "valid only for this machine and this time window"


def explain(
    threshold: Threshold, verdict: Verdict, finding: Finding, failed_checks: Sequence[ValidityCheck] = (), hypotheses: int = 1
) -> str:
    """The sentence for one threshold.

    `failed_checks` are the validity checks that led to INVALID; `hypotheses` is the number of objectives judged by
    intervals: because of the others, a FAIL by its own interval can become INCONCLUSIVE.
    """
    if verdict is Verdict.INVALID:
        value = f"{_measured(threshold, finding)} from {_basis(threshold, finding)}"
        body = f"{validity_figures(failed_checks)}, so {value} says nothing about the service: {validity_advice(failed_checks)}"
    elif finding.measured is None:
        body = _no_data(threshold, finding)
    elif finding.fact:
        body = f"{_measured(threshold, finding)} (exact for these {_basis(threshold, finding)}, without an interval); {_limit(threshold)}"
    elif finding.bursts < 2:
        body = (
            f"{_measured(threshold, finding)} ({_basis(threshold, finding)}, which shows no spread between bursts); {_limit(threshold)}, "
            "but a single burst decides nothing"
        )
    else:
        body = _judged(threshold, verdict, finding, hypotheses)
    return f"{verdict}: {body}; {SCOPE}."


def explain_drift(threshold: Threshold, ends: tuple[float, float] | None) -> str:
    """A sentence about a value that rises or falls over the bursts; empty if it does neither."""
    if ends is None:
        return ""
    first, last = ends
    word = "rose" if last > first else "fell"
    return (
        f"{threshold.expression.aggregate} {word} over the bursts, from {_value(threshold, first)} in the first third "
        f"to {_value(threshold, last)} in the last: the interval assumes that bursts are alike, so it is too narrow here."
    )


def _judged(threshold: Threshold, verdict: Verdict, finding: Finding, hypotheses: int) -> str:
    text = (
        f"{_measured(threshold, finding)} ({_range(threshold, finding.interval)}, from {_basis(threshold, finding)}); {_limit(threshold)}"
    )
    if verdict is Verdict.INCONCLUSIVE:
        text += f", {_doubt(threshold, finding, hypotheses)}"
    if threshold.selector.metric.type is MetricType.TREND and finding.proportion and finding.allowed:
        share = percent(finding.proportion.share)
        text += f": {share} of the {threshold.selector.metric.noun}s {_bad(threshold)} ({percent(finding.allowed)} allowed)"
    return text


def _doubt(threshold: Threshold, finding: Finding, hypotheses: int) -> str:
    """Why an objective is inconclusive."""
    if finding.verdict is Verdict.FAIL:
        return f"missed by its own interval, but among {hypotheses} objectives that can happen by chance"
    few = finding.proportion is not None and finding.proportion.bad == 0
    return f"too few {threshold.selector.metric.noun}s to decide" if few else "too close to call"


def _measured(threshold: Threshold, finding: Finding) -> str:
    what = f"{threshold.expression.aggregate} of {threshold.selector}"
    if finding.measured is None:
        return f"{what} without a value"
    if math.isinf(finding.measured):
        return f"{what} has no value because too many {threshold.selector.metric.noun}s failed"
    return f"{what} = {_value(threshold, finding.measured)}"


def _basis(threshold: Threshold, finding: Finding) -> str:
    bursts = "1 burst" if finding.bursts == 1 else f"{finding.bursts} bursts"
    return f"{counted(finding.samples, threshold.selector.metric)} in {bursts}"


def counted(number: int, metric: Metric) -> str:
    """A number of the requests, or of the journeys, that a metric describes: `1,000 requests`."""
    return f"{number:,} {metric.noun}{'' if number == 1 else 's'}"


def _range(threshold: Threshold, interval: Interval | None) -> str:
    low, high = interval or (None, None)
    if low is not None and high is not None:
        return f"interval {_value(threshold, low)} to {_value(threshold, high)}"
    if low is not None:
        return f"interval from {_value(threshold, low)} up"
    return f"interval up to {_value(threshold, high)}" if high is not None else "unbounded interval"


def _bad(threshold: Threshold) -> str:
    limit = milliseconds(threshold.expression.limit)
    took = {
        "<": f"took {limit} or longer",
        "<=": f"took longer than {limit}",
        ">": f"took {limit} or less",
        ">=": f"took less than {limit}",
    }[threshold.expression.operator]
    return f"{took}, failed or were never sent"


def _limit(threshold: Threshold) -> str:
    return f"must be {threshold.expression.operator} {_value(threshold, threshold.expression.limit)}"


def _value(threshold: Threshold, value: float) -> str:
    """A value of the threshold's left side, with its unit."""
    kind = threshold.selector.metric.type
    if kind is MetricType.TREND:
        return milliseconds(value)
    if kind is MetricType.RATE:
        return percent(value)
    if kind is MetricType.USAGE:
        return f"{figure(value)} {threshold.selector.metric.unit}"
    return f"{figure(value)}/s" if threshold.expression.aggregation == "rate" else f"{value:,.12g}"


def _no_data(threshold: Threshold, finding: Finding) -> str:
    basis = _basis(threshold, finding)
    why = f"none of {finding.samples:,} {threshold.selector.metric.noun}s succeeded" if finding.samples else basis
    return f"{threshold.selector} has no data ({why}); no data counts as FAIL"


def validity_figures(failed_checks: Sequence[ValidityCheck]) -> str:
    """The failed checks' measurements and valid ranges."""
    return " and ".join(f"{check.name}: {check.measured} (valid: {check.required})" for check in failed_checks)


def validity_advice(failed_checks: Sequence[ValidityCheck]) -> str:
    """How to fix the failed checks."""
    return "; ".join(dict.fromkeys(check.advice for check in failed_checks))
