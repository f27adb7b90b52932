"""What a threshold is about, counted burst by burst: times with the requests that have none, bad requests, totals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kindgate.histogram import Histogram
from kindgate.slo.failures import NETWORK_KINDS, UNSENT, WRONG_ANSWERS
from kindgate.slo.sample import BurstSample, Series
from kindgate.slo.threshold import Selector


@dataclass(frozen=True)
class Times:
    """The times of one burst's requests, in microseconds; `lost` requests failed or were never sent, and have none.

    `unsent` of the lost were never sent, `wrong` were answered with a wrong status or body; `until_failure` is how long
    those that were sent took to fail, where that is known.
    """

    times: Histogram
    lost: int
    unsent: int = 0
    until_failure: Histogram = field(default_factory=Histogram.empty)
    wrong: int = 0

    @property
    def size(self) -> int:
        """All requests, with and without a time."""
        return self.times.count + self.lost

    def at_least(self, micros: float) -> int:
        """How many took `micros` or longer, the lost ones among them."""
        return self.times.above(math.ceil(micros) - 1) + self.lost

    def longer_than(self, micros: float) -> int:
        """How many took longer than `micros`, the lost ones among them."""
        return self.times.above(micros) + self.lost

    @classmethod
    def merged(cls, parts: Iterable[Times]) -> Times:
        """All requests of all parts."""
        kept = list(parts)
        if len(kept) == 1:
            return kept[0]
        return cls(
            Histogram.merged(part.times for part in kept),
            sum(part.lost for part in kept),
            sum(part.unsent for part in kept),
            Histogram.merged(part.until_failure for part in kept),
            sum(part.wrong for part in kept),
        )

    def percentile(self, quantile: float) -> float:
        """The percentile in milliseconds with lost requests as the slowest; infinite where it falls among them.

        Raises `ValueError` when there are no requests.
        """
        if not self.lost:
            return self.times.percentile(quantile) / 1000
        place = quantile / 100 * (self.size - 1)
        if math.ceil(place) >= self.times.count:
            return math.inf
        return self.times.percentile(100 * place / max(1, self.times.count - 1)) / 1000

    def mean(self, limit: float) -> float:
        """The average in milliseconds; a lost request counts with what it took to fail, and `limit` (ms) at least.

        So a failure never helps to stay below the limit. Raises `ValueError` when there are no requests.
        """
        if not self.size:
            raise ValueError("no requests")
        failed = np.maximum(self.until_failure.values, limit * 1000) * self.until_failure.counts
        rest = (self.lost - self.until_failure.count) * limit * 1000
        return float((self.times.values * self.times.counts).sum() + failed.sum() + rest) / self.size / 1000


@dataclass(frozen=True)
class Count:
    """`bad` of `size` requests of one burst.

    `certain` of the bad ones cannot be the generator's doing; `wrong` of them were answered with a wrong status or body.
    """

    bad: int
    size: int
    certain: int
    wrong: int


def times_of(selector: Selector, sample: BurstSample) -> Times:
    """The times that a trend metric has in a burst."""
    if selector.metric.name == "send_lag":
        unsent = sum(series.dropped for series in sample.series)
        return Times(sample.send_lag, unsent, unsent)
    return Times.merged(_series_times(selector.metric.name, series) for series in sample.matching(selector.tag_map))


def _series_times(metric: str, series: Series) -> Times:
    if metric == "http_req_duration":
        lost = series.scheduled - series.response.count
        return Times(series.response, lost, series.dropped, series.failed_response, _wrong(series.failed.items()))
    times = {"http_req_waiting": series.waiting, "service_time": series.service}[metric]
    return Times(times, series.scheduled - times.count, series.dropped)


def counts_of(selector: Selector, samples: Sequence[BurstSample]) -> tuple[Count, ...]:
    """Per burst, how many requests failed (`http_req_failed`) or passed no check (`checks`), of how many."""
    tags = selector.tag_map
    kind = tags.pop("kind", "")
    if selector.metric.name == "http_req_failed":
        return tuple(_failures(sample.matching(tags), kind) for sample in samples)
    # A frozen server answers nothing that could be checked: its requests still count where checks are made at all.
    checked = {_key(series) for sample in samples for series in sample.matching(tags) if series.checks_passed + series.checks_failed}
    return tuple(_checks([series for series in sample.matching(tags) if _key(series) in checked]) for sample in samples)


def _failures(series: Sequence[Series], kind: str) -> Count:
    kinds = NETWORK_KINDS if kind == "network" else {kind}
    wanted = [(name, count) for part in series for name, count in part.failed.items() if not kind or name in kinds]
    bad = sum(count for _, count in wanted)
    certain = sum(count for name, count in wanted if name != UNSENT)
    return Count(bad, sum(part.scheduled for part in series), certain, _wrong(wanted))


def _checks(series: Sequence[Series]) -> Count:
    size = sum(part.scheduled for part in series)
    unsent = sum(part.dropped for part in series)
    bad = size - sum(part.checks_passed for part in series)
    return Count(bad, size, max(0, bad - unsent), sum(_wrong(part.failed.items()) for part in series))


def _wrong(failed: Iterable[tuple[str, int]]) -> int:
    """How many of the failures by kind are wrong answers."""
    return sum(count for name, count in failed if name in WRONG_ANSWERS)


def _key(series: Series) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(series.tags.items()))


def total_of(selector: Selector, sample: BurstSample) -> int:
    """What a counter has counted in a burst: requests sent (`http_reqs`) or never sent (`dropped_iterations`)."""
    series = sample.matching(selector.tag_map)
    if selector.metric.name == "http_reqs":
        return sum(part.sent for part in series)
    return sum(part.dropped for part in series)
