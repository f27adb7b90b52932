"""k6's `abortOnFail`: whether a missed objective ends the run.

An interval is evaluated only at a planned interim look, because every extra look would increase its error rate; a fact
that more requests cannot change can end the run after any burst.
"""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.model import Verdict
from kindgate.slo.objectives import Objectives
from kindgate.slo.rules import evaluate_rule
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import MetricType, Threshold
from kindgate.slo.validity import Fault, check_validity, largest_lateness, missed_by_wrong_responses


def should_abort(threshold: Threshold, verdict: Verdict, samples: Sequence[BurstSample]) -> bool:
    """Whether this verdict ends the run: a FAIL of an `abortOnFail` threshold, `delayAbortEval` after the first burst began."""
    elapsed = samples[-1].started + samples[-1].seconds - samples[0].started if samples else 0.0
    return verdict is Verdict.FAIL and threshold.abort_on_fail and threshold.delay_abort_eval <= elapsed


def final_misses(objectives: Objectives, samples: Sequence[BurstSample]) -> tuple[Threshold, ...]:
    """The `abortOnFail` thresholds that are missed whatever follows, by the service and not by the generator.

    Empty while the machine itself is at fault (stolen CPU time), because then no miss can be blamed on the service. While
    other programs use the CPUs, only wrong responses count.
    """
    candidates = [threshold for threshold in objectives.thresholds if threshold.abort_on_fail and _is_final_miss(threshold)]
    faults = {check.fault for check in check_validity(samples, objectives.tightest_latency) if check.failed}
    if Fault.MACHINE in faults:
        return ()
    if Fault.OTHERS in faults:
        candidates = [threshold for threshold in candidates if missed_by_wrong_responses(threshold, samples)]
    lateness = largest_lateness(samples)
    missed = []
    for threshold in candidates:
        if samples:
            # A fact has no error rate; any alpha gives the same finding.
            finding = evaluate_rule(threshold, samples, 0.05, lateness)
            if finding.measured is not None and finding.robust_fail and should_abort(threshold, finding.verdict, samples):
                missed.append(threshold)
    return tuple(missed)


def _is_final_miss(threshold: Threshold) -> bool:
    """Whether a miss is a fact that more requests cannot change: an extreme, a count, or "none" and "all" of a rate."""
    expression = threshold.expression
    if expression.aggregation in {"max", "count"} or expression.quantile == 100:
        return expression.wants_less
    if expression.aggregation == "min" or expression.quantile == 0:
        return expression.operator in {">", ">="}
    return (
        threshold.selector.metric.type is MetricType.RATE
        and expression.limit in {0, 1}
        and expression.operator in {"<=", ">=", "==", "==="}
    )
