"""The figures that verdicts were judged from, whole: what `kindgate.slo` needs to judge a report again.

The records hold what the judge's own types hold, field by field of the same name, with each exact histogram as a short
text. Reading is bounded: a text is unpacked only as far as the different times of all histograms together allow.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from kindgate.histogram import Histogram
from kindgate.report.record import Count, Epoch, Figure, Line, Name, Record, Seconds
from kindgate.slo import sample
from kindgate.slo.failures import UNSENT

TEXT_LIMIT = 3_000_000
"""Characters of all histograms of a report together: an archive of 4 MB has room for them, as they cannot be packed again."""

TIMES_LIMIT = 2_500_000
"""Different times of all histograms of a report together: unpacked, they take 40 MB."""

REQUESTS_LIMIT = 100_000_000
"""Requests of a report: with fewer, no sum of times overflows."""

LONGEST = 10**10
"""The longest time in microseconds, nearly three hours, for the same reason."""

BURSTS_LIMIT = 3200
"""Bursts of a report that were judged: 200 of four bursts each at three looks and in a confirmation round."""


def _encoded(value: object) -> object:
    return value.to_text() if isinstance(value, Histogram) else value


HistogramText = Annotated[str, BeforeValidator(_encoded), Field(max_length=200_000, pattern=r"^[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]*$")]
"""An exact distribution of times in microseconds, as `Histogram.to_text` writes it."""

HISTOGRAMS = frozenset({"response", "failed_response", "waiting", "service", "send_lag", "loop_lag"})
"""The fields that are such texts."""


class Figures(Record):
    """Figures as the judge takes them; they can be made from the judge's own types."""

    model_config = ConfigDict(from_attributes=True)


class SeriesFigures(Figures):
    """The requests of one burst that share their tags; see `kindgate.slo.sample.Series`."""

    tags: Annotated[dict[Name, Line], Field(max_length=8)]
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


class HealthFigures(Figures):
    """How the generator and its machine fared; see `kindgate.slo.sample.Health`."""

    loop_lag: HistogramText
    scheduled: Count
    punctual: Count
    cpu_share: Figure | None
    steal: Figure | None
    foreign: Figure | None
    pressure: Figure | None
    missing: Figure


class BurstFigures(Figures):
    """One burst that was judged; see `kindgate.slo.sample.BurstSample`."""

    started: Epoch
    seconds: Seconds
    series: Annotated[tuple[SeriesFigures, ...], Field(max_length=500)]
    send_lag: HistogramText
    health: HealthFigures


class FiguresRefused(ValueError):
    """Figures that no measurement can have given, or more of them than are read."""


@dataclass(frozen=True)
class Size:
    """How much the figures of a report are: bursts, requests, different times and characters of all histograms together."""

    bursts: int = 0
    requests: int = 0
    times: int = 0
    text: int = 0

    @classmethod
    def of(cls, samples: Collection[sample.BurstSample], figures: Iterable[BurstFigures]) -> Size:
        """The size of bursts in both forms."""
        return cls(
            len(samples),
            sum(series.scheduled for burst in samples for series in burst.series),
            sum(len(times.values) for burst in samples for times in _histograms(burst)),
            sum(len(text) for burst in figures for text in _texts(burst)),
        )

    def __add__(self, other: Size) -> Size:
        """Both together."""
        return Size(self.bursts + other.bursts, self.requests + other.requests, self.times + other.times, self.text + other.text)

    @property
    def within_limits(self) -> bool:
        """Whether a report may hold so much."""
        return self.bursts <= BURSTS_LIMIT and self.requests <= REQUESTS_LIMIT and self.times <= TIMES_LIMIT and self.text <= TEXT_LIMIT


NOTHING = Size()


@dataclass
class _Reader:
    """Unpacks histograms while there is room."""

    room: int = TIMES_LIMIT

    def histogram(self, text: str) -> Histogram:
        try:
            found = Histogram.from_text(text, at_most=self.room)
        except ValueError as error:
            raise FiguresRefused(str(error)) from error
        if found.count and (found.max > LONGEST or found.count > REQUESTS_LIMIT):
            raise FiguresRefused("a histogram contains impossible times or counts")
        self.room -= len(found.values)
        return found

    def fields(self, record: Figures) -> dict[str, Any]:
        """The record's fields as the judge's type of the same fields takes them."""
        return {name: self.histogram(value) if name in HISTOGRAMS else value for name, value in record}


def figures_of(burst: sample.BurstSample) -> BurstFigures:
    """A burst as a report holds it; no number changes on the way."""
    return BurstFigures.model_validate(burst)


def samples_of(bursts: Sequence[BurstFigures]) -> tuple[sample.BurstSample, ...]:
    """The bursts as the judge takes them.

    Raises `FiguresRefused` for figures that contradict each other, and for more than the limits of this module.
    """
    if sum(len(text) for burst in bursts for text in _texts(burst)) > TEXT_LIMIT:
        raise FiguresRefused(f"the histograms have more than {TEXT_LIMIT:,} characters")
    if sum(series.scheduled for burst in bursts for series in burst.series) > REQUESTS_LIMIT:
        raise FiguresRefused(f"more than {REQUESTS_LIMIT:,} requests")
    reader = _Reader()
    samples = tuple(_sample(burst, reader) for burst in bursts)
    for place, found in enumerate(samples, 1):
        problem = contradiction(found)
        if problem:
            raise FiguresRefused(f"judged burst {place}: {problem}")
    for before, after in itertools.pairwise(samples):
        if after.started <= before.started:
            raise FiguresRefused("the judged bursts are not ordered by start time")
    return samples


def contradiction(burst: sample.BurstSample) -> str:
    """What in the figures of a burst cannot be together; empty for a burst that can have been measured.

    Each request that was sent succeeded or failed, and each that was not sent is counted once, as the server's or the
    generator's doing (`kindgate.load.measure`).
    """
    late = 0
    for series in burst.series:
        unsent = series.failed.get(UNSENT, 0)
        failed = sum(series.failed.values()) - unsent
        name = ", ".join(series.tags.values()) or "a series"
        if series.response.count + series.failed_response.count != series.sent or series.failed_response.count != failed:
            return f"{name}: the number of times does not match the requests sent and failed"
        if series.sent + unsent > series.scheduled:
            return f"{name}: more requests were sent or abandoned than scheduled"
        if max(series.waiting.count, series.service.count, series.checks_passed + series.checks_failed) > series.sent:
            return f"{name}: more answers than requests"
        late += series.scheduled - series.sent - unsent
    sent = sum(series.sent for series in burst.series)
    if burst.send_lag.count != sent or burst.health.loop_lag.count != sent:
        return "the number of send lags does not match the requests sent"
    if burst.health.scheduled != sum(series.scheduled for series in burst.series) or burst.health.punctual != burst.health.scheduled - late:
        return "the generator's counts do not match the requests"
    return ""


def _sample(burst: BurstFigures, reader: _Reader) -> sample.BurstSample:
    fields = reader.fields(burst)
    fields["series"] = tuple(sample.Series(**reader.fields(series)) for series in burst.series)
    fields["health"] = sample.Health(**reader.fields(burst.health))
    return sample.BurstSample(**fields)


def _texts(burst: BurstFigures) -> Iterable[str]:
    """The encoded histograms of a burst."""
    for record in (burst, burst.health, *burst.series):
        yield from (value for name, value in record if name in HISTOGRAMS)


def _histograms(burst: sample.BurstSample) -> Iterable[Histogram]:
    """The histograms of a burst."""
    yield from (burst.send_lag, burst.health.loop_lag)
    for series in burst.series:
        yield from (series.response, series.failed_response, series.waiting, series.service)
