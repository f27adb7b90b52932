"""Counts and measured values of a threshold, over the requests, or the journeys, of one or more bursts.

Per burst: times and requests without one, bad requests, totals. The measured value of a threshold's left side is identical
to k6's if nothing failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kindgate.histogram import Histogram
from kindgate.slo.sample import BurstSample, JourneySeries, Series
from kindgate.slo.threshold import NETWORK_KINDS, UNSENT, WRONG_RESPONSES, MetricType, Selector, Threshold
from kindgate.slo.usage import pooled_usage, request_tags, usage_of


@dataclass(frozen=True)
class Times:
    """The times of one burst's requests, in microseconds; `lost` requests failed or were never sent, and have no time.

    Of the lost, `unsent` were never sent and `wrong` got a wrong status or body; `until_failure` is the time that sent ones
    took to fail, if known.
    """

    times: Histogram
    lost: int
    unsent: int = 0
    until_failure: Histogram = field(default_factory=Histogram.empty)
    wrong: int = 0

    @property
    def size(self) -> int:
        """Number of requests, with and without a time."""
        return self.times.count + self.lost

    def at_least(self, micros: float) -> int:
        """Number of requests that took `micros` or longer, including lost ones."""
        return self.times.above(math.ceil(micros) - 1) + self.lost

    def longer_than(self, micros: float) -> int:
        """Number of requests that took longer than `micros`, including lost ones."""
        return self.times.above(micros) + self.lost

    @classmethod
    def merged(cls, parts: Iterable[Times]) -> Times:
        """All requests of all parts."""
        items = list(parts)
        if len(items) == 1:
            return items[0]
        return cls(
            Histogram.merged(part.times for part in items),
            sum(part.lost for part in items),
            sum(part.unsent for part in items),
            Histogram.merged(part.until_failure for part in items),
            sum(part.wrong for part in items),
        )

    def percentile(self, quantile: float) -> float:
        """The percentile in milliseconds with lost requests as the slowest; infinite if it falls among them.

        Raises `ValueError` if there are no requests.
        """
        if not self.lost:
            return self.times.percentile(quantile) / 1000
        position = quantile / 100 * (self.size - 1)
        if math.ceil(position) >= self.times.count:
            return math.inf
        return self.times.percentile(100 * position / max(1, self.times.count - 1)) / 1000

    def mean(self, limit: float) -> float:
        """The average in milliseconds; a lost request counts with its time to failure, but at least `limit` (ms).

        A failure therefore never helps to stay below the limit. Raises `ValueError` if there are no requests.
        """
        if not self.size:
            raise ValueError("no requests")
        failed = np.maximum(self.until_failure.values, limit * 1000) * self.until_failure.counts
        rest = (self.lost - self.until_failure.count) * limit * 1000
        return float((self.times.values * self.times.counts).sum() + failed.sum() + rest) / self.size / 1000


@dataclass(frozen=True)
class Count:
    """`bad` of `size` requests of one burst.

    `certain` of the bad ones cannot be the generator's fault; `wrong` of them got a wrong status or body.
    """

    bad: int
    size: int
    certain: int
    wrong: int


def measure(threshold: Threshold, samples: Sequence[BurstSample]) -> float | None:
    """The measured value in the metric's unit (milliseconds, a share, a count, or per second); `None` without data.

    It is infinite if a percentile or the maximum falls among requests that failed or were never sent.
    """
    selector = threshold.selector
    if selector.metric.type is MetricType.TREND:
        return _time(threshold, Times.merged(times_of(selector, sample) for sample in samples))
    if selector.metric.type is MetricType.RATE:
        return _rate(selector, samples)
    if selector.metric.type is MetricType.USAGE:
        return _usage(threshold, samples)
    if selector.metric.is_capacity or not covered_requests(threshold, samples):
        return None  # bursts at one rate do not show a capacity
    total = sum(total_of(selector, sample) for sample in samples)
    seconds = sum(sample.seconds for sample in samples)
    if threshold.expression.aggregation == "count":
        return float(total)
    return total / seconds if seconds else None


def covered_requests(threshold: Threshold, samples: Sequence[BurstSample]) -> int:
    """Number of requests covered by the threshold, or of journeys."""
    selector = threshold.selector
    if selector.metric.type is MetricType.TREND:
        return sum(times_of(selector, sample).size for sample in samples)
    if selector.metric.type is MetricType.RATE:
        return sum(count.size for count in counts_of(selector, samples))
    return sum(planned_of(selector, sample) for sample in samples)


def planned_of(selector: Selector, sample: BurstSample) -> int:
    """Number of requests that came due in a burst, or of journeys for a metric of journeys."""
    if selector.metric.per_journey:
        return sum(journey.scheduled for journey in sample.journeys_matching(selector.tag_map))
    return sum(series.scheduled for series in requests_of(selector, sample))


def requests_of(selector: Selector, sample: BurstSample) -> tuple[Series, ...]:
    """The requests that a metric describes in a burst; for a metric of journeys, those of their steps."""
    if selector.metric.per_journey:
        return tuple(step for journey in sample.journeys_matching(selector.tag_map) for step in sample.steps_of(journey))
    return sample.matching(request_tags(selector) if selector.metric.type is MetricType.USAGE else selector.tag_map)


def times_of(selector: Selector, sample: BurstSample) -> Times:
    """The times of a trend metric in a burst."""
    if selector.metric.name == "send_lag":
        unsent = sum(series.dropped for series in sample.series)
        return Times(sample.send_lag, unsent, unsent)
    if selector.metric.per_journey:
        return Times.merged(_journey_times(sample, journey) for journey in sample.journeys_matching(selector.tag_map))
    return Times.merged(_series_times(selector.metric.name, series) for series in sample.matching(selector.tag_map))


def counts_of(selector: Selector, samples: Sequence[BurstSample]) -> tuple[Count, ...]:
    """Counts per burst: requests that failed (`http_req_failed`) or passed no check (`checks`), and all requests."""
    tags = selector.tag_map
    kind = tags.pop("kind", "")
    if selector.metric.name == "http_req_failed":
        return tuple(_failures(sample.matching(tags), kind) for sample in samples)
    # A frozen server sends nothing to check: its requests still count for series that have checks.
    checked = {_key(series) for sample in samples for series in sample.matching(tags) if series.checks_passed + series.checks_failed}
    return tuple(_checks([series for series in sample.matching(tags) if _key(series) in checked]) for sample in samples)


def total_of(selector: Selector, sample: BurstSample) -> int:
    """A counter's value in a burst.

    Requests sent (`http_reqs`), journeys started (`iterations`), single requests and journeys never started
    (`dropped_iterations`).
    """
    series, journeys = sample.matching(selector.tag_map), sample.journeys_matching(selector.tag_map)
    if selector.metric.per_journey:
        return sum(journey.started for journey in journeys)
    if selector.metric.name == "http_reqs":
        return sum(part.sent for part in series)
    singles = sum(part.dropped for part in series if "journey" not in part.tags)
    return singles + sum(journey.scheduled - journey.started for journey in journeys)


def _rate(selector: Selector, samples: Sequence[BurstSample]) -> float | None:
    """The share of requests that failed, or that passed a check; `None` without requests."""
    counts = counts_of(selector, samples)
    size, bad = sum(count.size for count in counts), sum(count.bad for count in counts)
    if not size:
        return None
    return bad / size if selector.metric.name == "http_req_failed" else 1 - bad / size


def _usage(threshold: Threshold, samples: Sequence[BurstSample]) -> float | None:
    """The average over all bursts, or the largest figure of one; `None` if it is not known for all of them."""
    if threshold.expression.aggregation == "avg":
        return pooled_usage(threshold.selector, samples)
    figures = [usage_of(threshold.selector, sample) for sample in samples]
    return None if None in figures else max((figure for figure in figures if figure is not None), default=None)


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


def _series_times(metric: str, series: Series) -> Times:
    if metric == "http_req_duration":
        lost = series.scheduled - series.response.count
        return Times(series.response, lost, series.dropped, series.failed_response, _wrong(series.failed.items()))
    times = {"http_req_waiting": series.waiting, "service_time": series.service}[metric]
    return Times(times, series.scheduled - times.count, series.dropped)


def _journey_times(sample: BurstSample, journey: JourneySeries) -> Times:
    """A journey ends with the first step that fails, so the failures of its steps are those of its runs."""
    lost, steps = journey.scheduled - journey.duration.count, sample.steps_of(journey)
    unsent = sum(step.dropped for step in steps)
    return Times(journey.duration, lost, min(lost, unsent), wrong=min(lost, sum(_wrong(step.failed.items()) for step in steps)))


def _failures(series: Sequence[Series], kind: str) -> Count:
    kinds = NETWORK_KINDS if kind == "network" else {kind}
    selected = [(name, count) for part in series for name, count in part.failed.items() if not kind or name in kinds]
    bad = sum(count for _, count in selected)
    certain = sum(count for name, count in selected if name != UNSENT)
    return Count(bad, sum(part.scheduled for part in series), certain, _wrong(selected))


def _checks(series: Sequence[Series]) -> Count:
    size = sum(part.scheduled for part in series)
    unsent = sum(part.dropped for part in series)
    bad = size - sum(part.checks_passed for part in series)
    return Count(bad, size, max(0, bad - unsent), sum(_wrong(part.failed.items()) for part in series))


def _wrong(failed: Iterable[tuple[str, int]]) -> int:
    """Number of wrong responses among the failures by kind."""
    return sum(count for name, count in failed if name in WRONG_RESPONSES)


def _key(series: Series) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(series.tags.items()))
