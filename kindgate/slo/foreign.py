"""Verdicts that other programs on the machine can explain: they make responses slow or late, but never wrong."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.model import Verdict
from kindgate.slo.proportion import Proportion
from kindgate.slo.rules import allowed_share
from kindgate.slo.sample import BurstSample
from kindgate.slo.tally import counts_of, times_of
from kindgate.slo.threshold import MetricType, Threshold


def is_about_time(threshold: Threshold) -> bool:
    """Whether it judges a time, which depends on the CPU time left by other programs."""
    return threshold.selector.metric.type is MetricType.TREND


def outlasts_foreign_load(threshold: Threshold, verdict: Verdict, samples: Sequence[BurstSample], alpha: float) -> bool:
    """Whether `verdict` holds regardless of the CPU time used by other programs.

    A FAIL does if wrong responses (by status or body) suffice for it, with `alpha` allowed per side; any other verdict
    does unless it is about time.
    """
    return missed_by_answers(threshold, samples, alpha) if verdict is Verdict.FAIL else not is_about_time(threshold)


def missed_by_answers(threshold: Threshold, samples: Sequence[BurstSample], alpha: float | None = None) -> bool:
    """Whether `threshold`, which is missed, would be missed if only responses with a wrong status or body counted as bad.

    For a threshold on a share, `alpha` selects the lower end of the interval; without `alpha` the share itself decides.
    """
    counted = _wrong_answers(threshold, samples)
    if counted is None:
        return True
    wrong, sizes = counted
    if not sum(sizes):
        return _answered(threshold, samples)
    return sum(wrong) > 0 and _too_many(threshold, Proportion.of(wrong, sizes), alpha)


def _too_many(threshold: Threshold, wrong: Proportion, alpha: float | None) -> bool:
    """Whether this many wrong responses alone miss the threshold."""
    allowed = allowed_share(threshold)
    if wrong.bad == wrong.total:
        return True
    if allowed is not None:
        return (wrong.share if alpha is None else wrong.lower(alpha)) > allowed
    if is_about_time(threshold):
        return threshold.expression.aggregation == "max"  # one wrong response counts as slower than any limit
    failed = threshold.selector.metric.name == "http_req_failed"
    return not threshold.expression.holds(wrong.share if failed else 1 - wrong.share)


def _answered(threshold: Threshold, samples: Sequence[BurstSample]) -> bool:
    """Whether there were responses although nothing was counted: then no check is configured, whatever the machine does."""
    return any(series.response.count for sample in samples for series in sample.matching(threshold.selector.tag_map))


def _wrong_answers(threshold: Threshold, samples: Sequence[BurstSample]) -> tuple[list[int], list[int]] | None:
    """Wrong responses and requests of each burst; None if the threshold can only be missed by good responses."""
    selector, less = threshold.selector, threshold.expression.wants_less
    if selector.metric.type is MetricType.RATE:
        if less != (selector.metric.name == "http_req_failed") and not threshold.expression.compares_equal:
            return None
        counts = counts_of(selector, samples)
        return [count.wrong for count in counts], [count.size for count in counts]
    if selector.metric.type is MetricType.TREND:
        bursts = [times_of(selector, sample) for sample in samples]
        return [burst.wrong for burst in bursts], [burst.size for burst in bursts]
    return [0], [1]
