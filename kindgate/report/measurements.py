"""The complete figures behind verdicts: the data that `kindgate.slo` needs to recompute a report.

The records have the fields of the judge's own types, by the same names, with each exact histogram as a short text.
Reading is bounded: histograms are unpacked only up to a total number of distinct times.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from kindgate.histogram import Histogram
from kindgate.report.frozen_record import Count, Epoch, Figure, Name, Record, Seconds, Tags
from kindgate.slo import sample
from kindgate.slo.threshold import UNSENT

TEXT_LIMIT = 3_000_000
"""Characters of all histograms of a report together: they fit in an archive of 4 MB, since they do not compress further."""

TIMES_LIMIT = 2_500_000
"""Distinct times of all histograms of a report together: unpacked, they take 40 MB."""

REQUESTS_LIMIT = 100_000_000
"""Requests of a report: up to this number, no sum of times overflows."""

LONGEST_TIME = 10**10
"""The longest time in microseconds, nearly three hours, for the same reason."""

BURSTS_LIMIT = 3200
"""Judged bursts of a report: 200 turns of four bursts at each of three looks and in a confirmation round."""


def _histogram_text(value: object) -> object:
    return value.to_text() if isinstance(value, Histogram) else value


HistogramText = Annotated[
    str, BeforeValidator(_histogram_text), Field(max_length=200_000, pattern=r"^[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]*$")
]
"""An exact distribution of times in microseconds, in the format of `Histogram.to_text`."""

HISTOGRAMS = frozenset({"response", "failed_response", "waiting", "service", "send_lag", "loop_lag", "duration"})
"""The fields with histogram texts."""


class Figures(Record):
    """Figures in the judge's terms; they can be created from the judge's own types."""

    model_config = ConfigDict(from_attributes=True)


class SeriesFigures(Figures):
    """The requests of one burst with the same tags; see `kindgate.slo.sample.Series`."""

    tags: Tags
    scheduled: Count
    sent: Count
    response: HistogramText
    failed_response: HistogramText
    waiting: HistogramText
    service: HistogramText
    failed: Annotated[dict[Name, Count], Field(max_length=20)]
    checks_passed: Count
    checks_failed: Count
    redirects: Count


class JourneyFigures(Figures):
    """The runs of one journey in one burst; see `kindgate.slo.sample.JourneySeries`."""

    tags: Tags
    scheduled: Count
    started: Count
    completed: Count
    failed: Count
    duration: HistogramText


class UsageFigures(Figures):
    """Resources of one workload in one burst; see `kindgate.slo.sample.WorkloadUsage`."""

    tags: Tags
    cpu_seconds: Annotated[Figure, Field(ge=0)]
    memory: Annotated[Figure, Field(ge=0)] | None


class HealthFigures(Figures):
    """State of the generator and its machine; see `kindgate.slo.sample.Health`."""

    loop_lag: HistogramText
    scheduled: Count
    punctual: Count
    cpu_share: Figure | None
    steal: Figure | None
    foreign: Figure | None
    pressure: Figure | None
    missing: Figure


class BurstFigures(Figures):
    """One judged burst; see `kindgate.slo.sample.BurstSample`."""

    started: Epoch
    seconds: Seconds
    series: Annotated[tuple[SeriesFigures, ...], Field(max_length=sample.SERIES_LIMIT)]
    send_lag: HistogramText
    health: HealthFigures
    journeys: Annotated[tuple[JourneyFigures, ...], Field(max_length=sample.SERIES_LIMIT)] = ()
    usage: Annotated[tuple[UsageFigures, ...], Field(max_length=sample.SERIES_LIMIT)] = ()
    closed_loop: Name = ""


class FiguresRefused(ValueError):
    """Figures that no measurement can have produced, or more than the limits allow."""


@dataclass(frozen=True)
class Size:
    """Size of a report's figures: bursts, requests, and the distinct times and characters of all histograms together."""

    bursts: int = 0
    requests: int = 0
    times: int = 0
    text: int = 0

    @classmethod
    def of(cls, samples: Collection[sample.BurstSample], figures: Iterable[BurstFigures]) -> Size:
        """The size of bursts given in both forms."""
        return cls(
            len(samples),
            sum(_requests(burst) for burst in samples),
            sum(len(times.values) for burst in samples for times in _histograms(burst)),
            sum(len(text) for burst in figures for text in _texts(burst)),
        )

    def __add__(self, other: Size) -> Size:
        """The sum of both sizes."""
        return Size(self.bursts + other.bursts, self.requests + other.requests, self.times + other.times, self.text + other.text)

    @property
    def within_limits(self) -> bool:
        """Whether a report may hold figures of this size."""
        return self.bursts <= BURSTS_LIMIT and self.requests <= REQUESTS_LIMIT and self.times <= TIMES_LIMIT and self.text <= TEXT_LIMIT


NOTHING = Size()


@dataclass
class _Reader:
    """Unpack histograms up to the limit on distinct times."""

    times_left: int = TIMES_LIMIT

    def histogram(self, text: str) -> Histogram:
        try:
            histogram = Histogram.from_text(text, at_most=self.times_left)
        except ValueError as error:
            raise FiguresRefused(str(error)) from error
        if histogram.count and (histogram.max > LONGEST_TIME or histogram.count > REQUESTS_LIMIT):
            raise FiguresRefused("a histogram contains impossible times or counts")
        self.times_left -= len(histogram.values)
        return histogram

    def fields(self, record: Figures) -> dict[str, Any]:
        """The record's fields as arguments for the judge's type."""
        return {name: self.histogram(value) if name in HISTOGRAMS else value for name, value in record}


def figures_of(burst: sample.BurstSample) -> BurstFigures:
    """The report record of a burst, with all numbers unchanged."""
    return BurstFigures.model_validate(burst)


def samples_of(bursts: Sequence[BurstFigures]) -> tuple[sample.BurstSample, ...]:
    """The bursts as the judge takes them.

    Raises `FiguresRefused` for contradictory figures, and for more than this module's limits.
    """
    if sum(len(text) for burst in bursts for text in _texts(burst)) > TEXT_LIMIT:
        raise FiguresRefused(f"the histograms have more than {TEXT_LIMIT:,} characters")
    if sum(_requests(burst) for burst in bursts) > REQUESTS_LIMIT:
        raise FiguresRefused(f"more than {REQUESTS_LIMIT:,} requests")
    reader = _Reader()
    samples = tuple(_sample(burst, reader) for burst in bursts)
    for place, measured in enumerate(samples, 1):
        problem = contradiction(measured)
        if problem:
            raise FiguresRefused(f"judged burst {place}: {problem}")
    for before, after in itertools.pairwise(samples):
        if after.started <= before.started:
            raise FiguresRefused("the judged bursts are not ordered by start time")
    return samples


def contradiction(burst: sample.BurstSample) -> str:
    """The contradiction in a burst's figures; empty if the burst can have been measured.

    Each sent request succeeded or failed, and each unsent one is counted once, as caused by the server or by the generator
    (`kindgate.load.aggregate`).
    """
    problems = (*map(_series_problem, burst.series), *map(_journey_problem, burst.journeys))
    if any(problems):
        return next(filter(None, problems))
    sent = sum(series.sent for series in burst.series)
    if burst.send_lag.count != sent or burst.health.loop_lag.count not in {0, sent}:  # another program's delay may be unknown
        return "the number of send lags does not match the requests sent"
    scheduled = sum(series.scheduled for series in burst.series)
    late = scheduled - sent - sum(series.failed.get(UNSENT, 0) for series in burst.series)
    if (burst.health.scheduled, burst.health.punctual) != (scheduled, scheduled - late):
        return "the generator's counts do not match the requests"
    return ""


def _series_problem(series: sample.Series) -> str:
    unsent = series.failed.get(UNSENT, 0)
    failed = sum(series.failed.values()) - unsent
    name = ", ".join(series.tags.values()) or "a series"
    if series.response.count + series.failed_response.count != series.sent or series.failed_response.count != failed:
        return f"{name}: the number of times does not match the requests sent and failed"
    if series.sent + unsent > series.scheduled:
        return f"{name}: more requests were sent or abandoned than scheduled"
    checks = series.checks_passed + series.checks_failed if series.scheduled else 0  # a script's checks may have a series of their own
    if max(series.waiting.count, series.service.count, checks) > series.sent:
        return f"{name}: more answers than requests"
    return ""


def _journey_problem(journey: sample.JourneySeries) -> str:
    ended = journey.completed + journey.failed
    if journey.duration.count == journey.completed and max(ended, journey.started) <= journey.scheduled:
        return ""
    return f"{', '.join(journey.tags.values()) or 'a journey'}: the number of times does not match the journeys scheduled"


def _sample(burst: BurstFigures, reader: _Reader) -> sample.BurstSample:
    fields = reader.fields(burst)
    fields["series"] = tuple(sample.Series(**reader.fields(series)) for series in burst.series)
    fields["health"] = sample.Health(**reader.fields(burst.health))
    fields["journeys"] = tuple(sample.JourneySeries(**reader.fields(journey)) for journey in burst.journeys)
    fields["usage"] = tuple(sample.WorkloadUsage(**dict(usage)) for usage in burst.usage)
    return sample.BurstSample(**fields)


def _texts(burst: BurstFigures) -> Iterable[str]:
    """The encoded histograms of a burst."""
    for record in (burst, burst.health, *burst.series, *burst.journeys):
        yield from (value for name, value in record if name in HISTOGRAMS)


def _histograms(burst: sample.BurstSample) -> Iterable[Histogram]:
    """The histograms of a burst."""
    yield from (burst.send_lag, burst.health.loop_lag)
    for series in burst.series:
        yield from (series.response, series.failed_response, series.waiting, series.service)
    yield from (journey.duration for journey in burst.journeys)


def _requests(burst: BurstFigures | sample.BurstSample) -> int:
    """Number of requests of a burst, plus its journeys, which have times of their own."""
    return sum(series.scheduled for series in burst.series) + sum(journey.scheduled for journey in burst.journeys)
