"""Build the JSON document of a burst from its counts and microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from kindgate.histogram import Histogram
from kindgate.load.document import Failed, Generator, Lags, LoadDocument, RouteFigures, ThresholdOutcome, TimelinePoint, Times
from kindgate.load.hdr import hdr_text
from kindgate.load.result import NETWORK_KINDS, BurstResult, FailureKind, Series


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
        timeline=_timeline(result),
        histogram={"kindgate": total.response.to_text(), "hdr_v2": hdr_text(total.response)},
        plan=result.plan.masked.to_json(),
        thresholds=thresholds,
        verdict=verdict,
        reasons=reasons,
    )


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
    )


def _timeline(result: BurstResult) -> tuple[TimelinePoint, ...]:
    return tuple(
        TimelinePoint(slot.start, slot.rate, times(slot.response).p50, times(slot.response).p99, slot.failed, slot.in_flight)
        for slot in result.timeline
    )
