"""The decision rules: which one applies to a threshold, and its finding. All errors are per side and look.

- A percentile of times and a rate are judged as the share of bad requests (`kindgate.slo.intervals`).
- An average is judged with Student's t over the means of the bursts.
- The average of a resource is judged likewise, over the figures of the bursts.
- Everything else is a fact about this run: it holds or it does not, and has no interval.

Both kinds of intervals account for the correlation of neighboring bursts (`kindgate.slo.intervals`), so samples must be in
chronological order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kindgate.model import Verdict
from kindgate.slo.counts import Times, counts_of, covered_requests, measure, requests_of, times_of
from kindgate.slo.intervals import Finding, Proportion, percentile_interval, variance_inflation
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import PERCENTILE, MetricType, Threshold
from kindgate.slo.usage import sent_to, usage_of


def allowed_share(threshold: Threshold) -> float | None:
    """The tolerated share of bad requests, strictly between 0 and 1; `None` if the threshold is not about a share.

    A request is bad if it is too slow (for `>`, too fast), fails, or passes no check.
    """
    expression, kind = threshold.expression, threshold.selector.metric.type
    if expression.compares_equal or not math.isfinite(expression.limit):
        return None
    if kind is MetricType.TREND and expression.aggregation in {PERCENTILE, "med"}:
        quantile = 50.0 if expression.quantile is None else expression.quantile
        share = (100 - quantile if expression.wants_less else quantile) / 100
    elif kind is MetricType.RATE:
        share = expression.limit if expression.wants_less else 1 - expression.limit
    else:
        return None
    return share if 0 < share < 1 else None


def is_mean(threshold: Threshold) -> bool:
    """Whether the rule for averages applies."""
    expression = threshold.expression
    return expression.aggregation == "avg" and not expression.compares_equal and math.isfinite(expression.limit)


def evaluate_rule(threshold: Threshold, samples: Sequence[BurstSample], alpha: float, lateness: float) -> Finding:
    """The finding of the applicable rule with `alpha` allowed per side; FAIL without data.

    `lateness` in microseconds is the most that the generator can have added to a time: `robust_fail` is set if a FAIL remains
    without it.
    """
    measured, size = measure(threshold, samples), covered_requests(threshold, samples)
    allowed = allowed_share(threshold)
    if measured is None:
        return Finding(Verdict.FAIL, None, size, len(samples), fact=True, robust_fail=_has_sent_requests(threshold, samples))
    if allowed is None and not is_mean(threshold):
        verdict = Verdict.PASS if threshold.expression.holds(measured) else Verdict.FAIL
        return Finding(
            verdict, measured, size, len(samples), fact=True, robust_fail=_is_robust_miss(threshold, samples, lateness, measured)
        )
    if threshold.selector.metric.type is MetricType.USAGE:
        return _usage(threshold, samples, alpha, measured)
    if allowed is None:
        return _mean(threshold, samples, alpha, lateness, measured)
    if threshold.selector.metric.type is MetricType.TREND:
        return _percentile(threshold, samples, alpha, lateness, allowed=allowed, measured=measured)
    return _rate(threshold, samples, alpha, allowed, measured)


def _has_sent_requests(threshold: Threshold, samples: Sequence[BurstSample]) -> bool:
    """Whether any covered request was sent: if so, missing data is not the generator's fault."""
    return any(series.sent for sample in samples for series in requests_of(threshold.selector, sample))


def _is_robust_miss(threshold: Threshold, samples: Sequence[BurstSample], lateness: float, measured: float) -> bool:
    """Whether a missed fact would also be missed without the generator's delay."""
    expression = threshold.expression
    if threshold.selector.metric.type is MetricType.TREND and not expression.compares_equal:
        # Lateness only adds to times: it cannot explain a request that was too fast.
        return not expression.wants_less or not expression.holds(measured - lateness / 1000)
    if threshold.selector.metric.type is not MetricType.RATE:
        return False
    counts = counts_of(threshold.selector, samples)
    share = sum(count.certain for count in counts) / sum(count.size for count in counts)
    return not expression.holds(share if threshold.selector.metric.name == "http_req_failed" else 1 - share)


def _percentile(
    threshold: Threshold, samples: Sequence[BurstSample], alpha: float, lateness: float, *, allowed: float, measured: float
) -> Finding:
    bursts = [times_of(threshold.selector, sample) for sample in samples]
    sizes = [burst.size for burst in bursts]
    limit = threshold.expression.limit * 1000
    proportion = Proportion.of([_bad(threshold, burst, limit) for burst in bursts], sizes)
    late = lateness if threshold.expression.wants_less else 0.0
    certain = Proportion.of([_bad(threshold, burst, limit + late) - burst.unsent for burst in bursts], sizes, proportion.inflation)
    return Finding(
        proportion.verdict(allowed, alpha),
        measured,
        proportion.total,
        proportion.bursts,
        interval=percentile_interval(bursts, threshold, proportion, allowed, alpha) if proportion.bursts > 1 else None,
        p_value=proportion.p_above(allowed),
        proportion=proportion,
        allowed=allowed,
        robust_fail=certain.lower(alpha) > allowed,
    )


def _bad(threshold: Threshold, burst: Times, limit: float) -> int:
    """Number of requests on the wrong side of `limit` microseconds, including those without a time."""
    operator = threshold.expression.operator
    if operator == "<":
        return burst.at_least(limit)
    if operator == "<=":
        return burst.longer_than(limit)
    fast = burst.size - (burst.at_least(limit) if operator == ">=" else burst.longer_than(limit))
    return fast + burst.lost


def _rate(threshold: Threshold, samples: Sequence[BurstSample], alpha: float, allowed: float, measured: float) -> Finding:
    counts = counts_of(threshold.selector, samples)
    sizes = [count.size for count in counts]
    # Bad is the outcome that misses the limit: failures under `<`, successes under "at least this many fail".
    counts_bad = (threshold.selector.metric.name == "http_req_failed") == threshold.expression.wants_less
    proportion = Proportion.of([count.bad if counts_bad else count.size - count.bad for count in counts], sizes)
    certain = Proportion.of([count.certain if counts_bad else count.size - count.bad for count in counts], sizes, proportion.inflation)
    low, high = proportion.lower(alpha), proportion.upper(alpha)
    interval = (low, high) if threshold.expression.wants_less else (1 - high, 1 - low)
    return Finding(
        proportion.verdict(allowed, alpha),
        measured,
        proportion.total,
        proportion.bursts,
        interval=interval if proportion.bursts > 1 else None,
        p_value=proportion.p_above(allowed),
        proportion=proportion,
        allowed=allowed,
        robust_fail=certain.lower(alpha) > allowed,
    )


def _mean(threshold: Threshold, samples: Sequence[BurstSample], alpha: float, lateness: float, measured: float) -> Finding:
    limit = threshold.expression.limit
    bursts = [burst for burst in (times_of(threshold.selector, sample) for sample in samples) if burst.size]
    means, sizes = [burst.mean(limit) for burst in bursts], [burst.size for burst in bursts]
    return _weighted_mean(threshold, means, sizes, alpha, lateness, measured=measured)


def _usage(threshold: Threshold, samples: Sequence[BurstSample], alpha: float, measured: float) -> Finding:
    """The mean over bursts, each weighted by its requests if the figure is one per request."""
    figures = ((usage_of(threshold.selector, sample), sent_to(threshold.selector, sample)) for sample in samples)
    known = [(figure, sent) for figure, sent in figures if figure is not None]
    weighted = threshold.selector.metric.name == "cpu_per_request"
    sizes = [sent if weighted else 1 for _, sent in known]
    finding = _weighted_mean(threshold, [figure for figure, _ in known], sizes, alpha, 0.0, measured=measured)
    return replace(finding, samples=covered_requests(threshold, samples), robust_fail=False)


def _weighted_mean(
    threshold: Threshold, values: Sequence[float], sizes: Sequence[int], alpha: float, lateness: float, *, measured: float
) -> Finding:
    """Student's t over burst means, weighted by size (ratio estimator of cluster samples) and corrected for serial correlation."""
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415  # importing this package must not import scipy

    limit, less = threshold.expression.limit, threshold.expression.wants_less
    size, means = np.array(sizes, np.float64), np.array(values)
    total, number = float(size.sum()), len(values)
    if number < 2:
        return Finding(Verdict.INCONCLUSIVE, measured, int(total), number)
    deviations = size * (means - measured)
    error = math.sqrt(variance_inflation(deviations) * number / (number - 1) * float(np.square(deviations).sum())) / total
    margin = float(stdtrit(number - 1, 1 - alpha)) * error
    low, high = measured - margin, measured + margin
    bad, good = (low > limit, high < limit) if less else (high < limit, low > limit)
    distance = (measured - limit) if less else (limit - measured)
    p_value = float(stdtr(number - 1, -distance / error)) if error else float(distance <= 0)
    return Finding(
        Verdict.FAIL if bad else Verdict.PASS if good else Verdict.INCONCLUSIVE,
        measured,
        int(total),
        number,
        interval=(low, high),
        p_value=p_value,
        robust_fail=bad and (not less or low - lateness / 1000 > limit),
    )
