"""The JSON document of one burst, for people and external programs: `kindgate load --json`.

Its schema is docs/load-result.schema.json. Bursts are stored in a different format (`BurstResult.to_json`), with counts and
microseconds: here the figures are ready to read, in the units that their names state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from kindgate.histogram import Histogram
from kindgate.load.export import hdr_text
from kindgate.load.journey_series import JourneySeries
from kindgate.load.result import NETWORK_KINDS, BurstResult, FailureKind, Series


@dataclass(frozen=True)
class Times:
    """Response, service or waiting times in milliseconds; null if no request has one."""

    count: int
    avg: float | None = None
    min: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Lags:
    """Delays of the generator in microseconds; null if nothing was sent."""

    p50: float | None = None
    p99: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Failed:
    """Failed requests: `network` is the sum of connect, DNS, TLS, reset and retried; `kinds` has every kind that occurred.

    `retried` requests succeeded only when sent again, after their keep-alive connection had been closed.
    """

    total: int
    http: int
    timeout: int
    network: int
    check: int
    unsent: int
    retried: int
    kinds: Mapping[str, int]


@dataclass(frozen=True)
class RouteFigures:
    """One route and arm; `journey` is the one whose step it is, if any. `redirects_followed` are parts of its requests."""

    route: str
    host: str
    arm: str
    method: str
    count: int
    success_rate: float | None
    failed: Failed
    status: Mapping[str, int]
    response_time_ms: Times
    service_time_ms: Times
    waiting_ms: Times
    redirects_followed: int
    journey: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class JourneyFigures:
    """One journey and arm. `count` journeys came due; the durations are those of completed ones, from their intended start."""

    journey: str
    arm: str
    tags: Mapping[str, str]
    count: int
    started: int
    completed: int
    failed: int
    duration_ms: Times


@dataclass(frozen=True)
class Generator:
    """Health of the generator and its machine; shares are between 0 and 1.

    `other_cpu` is the number of cores used by all other processes, including the server; `foreign` is the share of the
    machine's CPU time used by programs outside the run and its cluster, null if they cannot be told apart.
    """

    processes: int
    connections: int
    cpu_share: float
    cpu_seconds: float
    steal: float
    other_cpu: float
    foreign: float | None
    pressure: float | None
    punctual_share: float
    late: int
    missing: float


@dataclass(frozen=True)
class TimelinePoint:
    """100 ms from `start` (seconds): requests sent per second, percentiles by intended time, failures, in flight at the end."""

    start: float
    rate: float
    p50_ms: float | None
    p99_ms: float | None
    failed: int
    in_flight: int


@dataclass(frozen=True)
class ThresholdOutcome:
    """One threshold checked against this burst's own value; `value` is null if there is no data, which fails."""

    threshold: str
    ok: bool
    value: float | None


@dataclass(frozen=True)
class LoadDocument:
    """One burst. `count` is the number of requests that came due, `dropped` the number of those never sent.

    `response_time_ms` is measured from the intended time, over successful requests; `service_time_ms` is measured from the
    time of sending. `histogram` holds the response times in kindgate's encoding and as HdrHistogram V2 (microseconds).
    In a `closed_loop`, users wait for their responses: times count from sending, and no threshold on a time passes.
    """

    version: Annotated[Literal[1], Field(description="Grows when the meaning of a field changes")]
    started: float
    ended: float
    seconds: float
    interrupted: bool
    closed_loop: bool
    count: int
    sent: int
    completed: int
    dropped: int
    success_rate: float | None
    achieved_rate: float
    failed: Failed
    response_time_ms: Times
    service_time_ms: Times
    waiting_ms: Times
    send_lag_us: Lags
    loop_lag_us: Lags
    cap_wait_us: Lags
    checks_passed: int
    checks_failed: int
    bytes_received: int
    generator: Generator
    routes: tuple[RouteFigures, ...]
    journeys: tuple[JourneyFigures, ...]
    timeline: tuple[TimelinePoint, ...]
    histogram: Mapping[str, str]
    plan: Mapping[str, Any]
    thresholds: tuple[ThresholdOutcome, ...] = ()
    verdict: Literal["PASS", "FAIL", "INVALID"] | None = None
    reasons: tuple[str, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values."""
        encoded: dict[str, Any] = TypeAdapter(LoadDocument).dump_python(self, mode="json")
        return encoded


def load_document(
    result: BurstResult,
    *,
    thresholds: tuple[ThresholdOutcome, ...] = (),
    verdict: Literal["PASS", "FAIL", "INVALID"] | None = None,
    reasons: tuple[str, ...] = (),
) -> LoadDocument:
    """The document of `result`, with the outcome of its thresholds."""
    total = result.total
    return LoadDocument(
        version=1,
        started=result.window.start,
        ended=result.window.end,
        seconds=result.seconds,
        interrupted=result.interrupted,
        closed_loop=bool(result.closed_loop),
        count=result.scheduled,
        sent=result.sent,
        completed=total.completed,
        dropped=result.dropped,
        success_rate=_success(total),
        achieved_rate=result.achieved_rate,
        failed=failed(result.failed),
        response_time_ms=times(total.response),
        service_time_ms=times(total.service),
        waiting_ms=times(total.waiting),
        send_lag_us=lags(result.send_lag),
        loop_lag_us=lags(result.loop_lag),
        cap_wait_us=lags(result.cap_wait),
        checks_passed=total.checks_passed,
        checks_failed=total.checks_failed,
        bytes_received=total.bytes_received,
        generator=_generator(result),
        routes=tuple(_route(series) for series in result.series),
        journeys=tuple(_journey(series) for series in result.journeys),
        timeline=_timeline(result),
        histogram={"kindgate": total.response.to_text(), "hdr_v2": hdr_text(total.response)},
        plan=result.plan.masked.to_json(),
        thresholds=thresholds,
        verdict=verdict,
        reasons=reasons,
    )


def schema() -> dict[str, Any]:
    """The JSON schema of the document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(LoadDocument).json_schema(mode="serialization")}


def _success(series: Series) -> float | None:
    return series.completed / series.scheduled if series.scheduled else None


def _generator(result: BurstResult) -> Generator:
    health = result.health
    return Generator(
        processes=health.processes,
        connections=result.connections,
        cpu_share=health.cpu_share,
        cpu_seconds=health.cpu_seconds,
        steal=health.steal,
        other_cpu=health.other_cpu,
        foreign=health.foreign,
        pressure=health.pressure,
        punctual_share=result.punctual_share,
        late=result.late,
        missing=result.missing,
    )


def _route(series: Series) -> RouteFigures:
    return RouteFigures(
        route=series.route,
        host=series.host,
        arm=series.arm,
        method=series.method,
        count=series.scheduled,
        success_rate=_success(series),
        failed=failed(series.failed),
        status={str(status): count for status, count in series.status.items()},
        response_time_ms=times(series.response),
        service_time_ms=times(series.service),
        waiting_ms=times(series.waiting),
        redirects_followed=series.redirects_followed,
        journey=series.journey,
        tags=dict(series.tags),
    )


def _journey(series: JourneySeries) -> JourneyFigures:
    return JourneyFigures(
        journey=series.journey,
        arm=series.arm,
        tags=dict(series.tags),
        count=series.scheduled,
        started=series.started,
        completed=series.completed,
        failed=series.failed,
        duration_ms=times(series.duration),
    )


def _timeline(result: BurstResult) -> tuple[TimelinePoint, ...]:
    return tuple(
        TimelinePoint(slot.start, slot.rate, times(slot.response).p50, times(slot.response).p99, slot.failed, slot.in_flight)
        for slot in result.timeline
    )


def failed(counts: Mapping[FailureKind, int]) -> Failed:
    """Failures by kind, with the most useful sums."""
    return Failed(
        total=sum(counts.values()),
        http=counts.get(FailureKind.HTTP, 0),
        timeout=counts.get(FailureKind.TIMEOUT, 0),
        network=sum(count for kind, count in counts.items() if kind in NETWORK_KINDS),
        check=counts.get(FailureKind.CHECK, 0),
        unsent=counts.get(FailureKind.UNSENT, 0),
        retried=counts.get(FailureKind.RETRIED, 0),
        kinds={kind.value: count for kind, count in counts.items()},
    )


def times(histogram: Histogram) -> Times:
    """A distribution's figures in milliseconds."""
    if not histogram.count:
        return Times(0)
    p50, p90, p95, p99 = (histogram.percentile(q) / 1000 for q in (50, 90, 95, 99))
    return Times(histogram.count, histogram.mean / 1000, histogram.min / 1000, p50, p90, p95, p99, histogram.max / 1000)


def lags(histogram: Histogram) -> Lags:
    """A distribution's figures in microseconds."""
    if not histogram.count:
        return Lags()
    return Lags(histogram.percentile(50), histogram.percentile(99), float(histogram.max))


if __name__ == "__main__":
    import json
    import sys

    json.dump(schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
