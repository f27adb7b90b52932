"""The value of a threshold's left side, over all requests of one or more bursts; identical to k6's if nothing failed."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.slo.sample import BurstSample
from kindgate.slo.tally import Times, counts_of, times_of, total_of
from kindgate.slo.threshold import MetricType, Threshold


def measure(threshold: Threshold, samples: Sequence[BurstSample]) -> float | None:
    """The measured value in the metric's unit (milliseconds, a share, a count, or per second); `None` without data.

    It is infinite if a percentile or the maximum falls among requests that failed or were never sent.
    """
    selector = threshold.selector
    if selector.metric.type is MetricType.TREND:
        return _time(threshold, Times.merged(times_of(selector, sample) for sample in samples))
    if selector.metric.type is MetricType.RATE:
        counts = counts_of(selector, samples)
        size, bad = sum(count.size for count in counts), sum(count.bad for count in counts)
        if not size:
            return None
        return bad / size if selector.metric.name == "http_req_failed" else 1 - bad / size
    if not scheduled(threshold, samples):
        return None
    total = sum(total_of(selector, sample) for sample in samples)
    seconds = sum(sample.seconds for sample in samples)
    if threshold.expression.aggregation == "count":
        return float(total)
    return total / seconds if seconds else None


def scheduled(threshold: Threshold, samples: Sequence[BurstSample]) -> int:
    """Number of requests covered by the threshold."""
    selector = threshold.selector
    if selector.metric.type is MetricType.TREND:
        return sum(times_of(selector, sample).size for sample in samples)
    if selector.metric.type is MetricType.RATE:
        return sum(count.size for count in counts_of(selector, samples))
    return sum(series.scheduled for sample in samples for series in sample.matching(selector.tag_map))


def _time(threshold: Threshold, times: Times) -> float | None:
    """A trend's value in milliseconds; `None` if no request has a time."""
    expression = threshold.expression
    aggregation, quantile = expression.aggregation, expression.quantile
    if not times.times.count:
        return None
    if aggregation == "min":
        return times.times.min / 1000
    if aggregation == "avg":
        return times.mean(expression.limit)
    return times.percentile({"max": 100.0, "med": 50.0}.get(aggregation, quantile or 0.0))
