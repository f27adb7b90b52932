"""Convert a load engine's result to a report's burst record. Microseconds become milliseconds here."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from kindgate.histogram import Histogram
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import OpenLoop
from kindgate.load.result import SLOT_SECONDS, BurstResult, FailureKind, Series, Slot
from kindgate.report.burst_records import (
    ROUTES,
    Burst,
    Distribution,
    FailureCount,
    GeneratorHealth,
    JourneySummary,
    LatencyFigures,
    Plan,
    RouteFigures,
    SendLag,
    Timeline,
)
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.markdown_escape import shortened

TIMELINE_POINTS = 120
BINS_PER_DECADE = 20
LAG_BINS_PER_DECADE = 10
"""Fewer than for response times: below ten, whole microseconds are too coarse for more bins."""


def burst_record(name: str, result: BurstResult, test: str = "") -> Burst:
    """The report record of a burst."""
    return Burst(
        name=shortened(name, NAME_LIMIT),
        test=shortened(test, LINE_LIMIT),
        started=result.window.start,
        seconds=result.seconds,
        plan=_plan(result),
        overall=_figures(result.total, result.seconds),
        routes=tuple(RouteFigures(route=_route_name(one), figures=_figures(one, result.seconds)) for one in result.series[:ROUTES]),
        journeys=tuple(map(_journey, result.journeys[:ROUTES])),
        failures=tuple(_failure(kind, count, result.series) for kind, count in result.failed.items() if count),
        send_lag=_send_lag(result.send_lag),
        generator=GeneratorHealth(
            cpu=round(result.health.cpu_share, 4),
            steal=min(1.0, result.health.steal),
            foreign=None if result.health.foreign is None else min(1.0, result.health.foreign),
            pressure=None if result.health.pressure is None else min(1.0, result.health.pressure),
            cap_wait=_total_seconds(result.cap_wait),
            dropped=result.dropped,
        ),
        timeline=_timeline(result.timeline),
        distribution=_distribution(result.total.response, BINS_PER_DECADE, per_unit=1000),
    )


def _plan(result: BurstResult) -> Plan:
    plan, loop = result.plan, result.plan.loop
    closed = f"closed loop: {result.closed_loop}" if result.closed_loop else "rates of k6's scenarios"
    names = dict.fromkeys(shortened(route.label, NAME_LIMIT) for route in plan.routes)
    return Plan(
        rate=loop.peak_rate if isinstance(loop, OpenLoop) else 0.0,
        seconds=loop.seconds or 0.0,
        arrival=loop.arrival if isinstance(loop, OpenLoop) else closed,
        seed=plan.seed,
        timeout=plan.timeout,
        routes=tuple(names)[:ROUTES],
    )


def _figures(series: Series, seconds: float) -> LatencyFigures:
    times = series.response
    known = times.count > 0

    def percentile(q: float) -> float | None:
        return round(times.percentile(q) / 1000, 3) if known else None

    return LatencyFigures(
        count=series.scheduled,
        failed=series.scheduled - series.completed,
        redirects=series.redirects,
        success_rate=series.completed / series.scheduled if series.scheduled else None,
        rate=series.sent / seconds if seconds > 0 else 0.0,
        avg=round(times.mean / 1000, 3) if known else None,
        p50=percentile(50),
        p90=percentile(90),
        p95=percentile(95),
        p99=percentile(99),
        max=round(times.max / 1000, 3) if known else None,
    )


def _route_name(series: Series) -> str:
    """The name of a route, with the journey whose step it is, and its version in a comparison."""
    name = series.route or series.host
    return _named(f"{name} in {series.journey}" if series.journey else name, series.arm)


def _named(name: str, arm: str) -> str:
    return shortened(f"{name} ({arm})" if arm else name, NAME_LIMIT)


def _journey(journey: JourneySeries) -> JourneySummary:
    times = journey.duration
    p50, p95, p99, longest = (round(times.percentile(q) / 1000, 3) if times.count else None for q in (50, 95, 99, 100))
    return JourneySummary(
        journey=_named(journey.journey, journey.arm),
        count=journey.scheduled,
        completed=journey.completed,
        failed=journey.failed,
        p50=p50,
        p95=p95,
        p99=p99,
        max=longest,
    )


def _failure(kind: FailureKind, count: int, all_series: Iterable[Series]) -> FailureCount:
    """Failures of one kind; for HTTP, with their statuses."""
    if kind is FailureKind.RETRIED:
        return FailureCount(kind=kind.value, count=count, example="answered only on a second attempt: the connection was closed")
    if kind is not FailureKind.HTTP:
        return FailureCount(kind=kind.value, count=count)
    statuses: dict[int, int] = {}
    for series in all_series:
        for status, times in series.status.items():
            if status >= 400:
                statuses[status] = statuses.get(status, 0) + times
    statuses_text = ", ".join(f"{status}: {times}" for status, times in sorted(statuses.items()))
    return FailureCount(kind=kind.value, count=count, example=shortened(statuses_text, LINE_LIMIT))


def _send_lag(lag: Histogram) -> SendLag | None:
    if not lag.count:
        return None
    return SendLag(
        p50=lag.percentile(50), p99=lag.percentile(99), max=lag.max, distribution=_distribution(lag, LAG_BINS_PER_DECADE, per_unit=1)
    )


def _total_seconds(times: Histogram) -> float:
    return round(times.mean * times.count / 1e6, 6) if times.count else 0.0


def _timeline(slots: tuple[Slot, ...]) -> Timeline | None:
    """The slots up to the last one with a request due, sent or failed, merged if there are too many for a chart."""
    busy = [slot.start for slot in slots if slot.sent or slot.failed or slot.response.count]
    if not busy:
        return None
    last = round(max(busy) / SLOT_SECONDS)
    merged = -(-(last + 1) // TIMELINE_POINTS)
    groups: list[list[Slot]] = [[] for _ in range(last // merged + 1)]
    for slot in slots[: last + 1]:
        groups[round(slot.start / SLOT_SECONDS) // merged].append(slot)
    times = [Histogram.merged(slot.response for slot in group) for group in groups]

    def column(q: float) -> tuple[float | None, ...]:
        return tuple(round(each.percentile(q) / 1000, 3) if each.count else None for each in times)

    return Timeline(
        step=SLOT_SECONDS * merged,
        sent=tuple(sum(slot.sent for slot in group) for group in groups),
        failed=tuple(sum(slot.failed for slot in group) for group in groups),
        p50=column(50),
        p90=column(90),
        p99=column(99),
        max=column(100),
    )


def _distribution(times: Histogram, per_decade: int, per_unit: int) -> Distribution | None:
    """A histogram with bin edges in geometric progression, from below the smallest time to above the largest.

    `per_unit` is the number of microseconds per unit of the edges.
    """
    if not times.count:
        return None
    low = math.floor(math.log10(max(1, times.min)) * per_decade)
    high = math.floor(math.log10(max(1, times.max)) * per_decade) + 1
    edges = 10 ** (np.arange(low, high + 1) / per_decade)
    places = np.clip(np.searchsorted(edges, times.values, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(places, weights=times.counts, minlength=len(edges) - 1)
    return Distribution(edges=tuple(round(float(edge) / per_unit, 6) for edge in edges), counts=tuple(int(count) for count in counts))
