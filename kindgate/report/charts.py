"""The charts of the HTML page. Drawings contain only numbers and kindgate's own words; foreign names are outside of them, escaped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kindgate.report.burst_records import Burst, Distribution, SendLag, Timeline
from kindgate.report.canvas import (
    BAD,
    INK,
    LIMIT,
    SERIES,
    SHADE,
    Chart,
    DrawAxes,
    Rows,
    chart,
    draw_limits,
    log_scale,
    log_ticks,
    rows_of,
    start_at_zero,
    with_gaps,
)
from kindgate.report.resource_records import ResourceSeries, WorkloadResources
from kindgate.report.units import number, plural

Value = TypeVar("Value")


def latency_chart(burst: Burst, timeline: Timeline, limits: Sequence[float], prefix: str) -> Chart:
    """Response times over a burst: median, bands up to p90 and p99, maximum, and the limits. Milliseconds, log scale."""
    edges = _edges(timeline)

    def draw(axes: Axes) -> None:
        p50, p90, p99, largest = (with_gaps(_extended(column)) for column in (timeline.p50, timeline.p90, timeline.p99, timeline.max))
        axes.fill_between(edges, p90, p99, step="post", color=SERIES[0], alpha=0.18, linewidth=0, label="p90 to p99")
        axes.fill_between(edges, p50, p90, step="post", color=SERIES[0], alpha=0.38, linewidth=0, label="p50 to p90")
        axes.step(edges, p50, where="post", color=SERIES[0], label="p50")
        axes.step(edges, largest, where="post", color=SERIES[1], linewidth=0.8, label="slowest")
        draw_limits(axes, limits, "ms")
        log_scale(axes)
        _label_burst_axes(axes, edges, "response time (ms)")

    peak = max((value for value in timeline.max if value is not None), default=None)
    return chart(
        draw,
        prefix,
        f"Response time during {burst.name}",
        f"Percentiles in steps of {timeline.step:g} s; the slowest request took {number(peak)} ms.",
        rows_of(
            ("from s", "p50 ms", "p90 ms", "p99 ms", "slowest ms"),
            edges[:-1],
            timeline.p50,
            timeline.p90,
            timeline.p99,
            timeline.max,
        ),
    )


def distribution_chart(burst: Burst, distribution: Distribution, limits: Sequence[float], prefix: str) -> Chart:
    """Distribution of response times on a log scale, with the limits."""

    def draw(axes: Axes) -> None:
        _bars(axes, distribution)
        draw_limits(axes, limits, "ms", upright=True)
        log_ticks(axes.xaxis)
        axes.set_xlabel("response time (ms)")

    title, description = f"Distribution of response times in {burst.name}", f"{plural(sum(distribution.counts), 'successful request')}."
    return chart(draw, prefix, title, description, _bins(distribution, "ms"))


def throughput_chart(burst: Burst, timeline: Timeline, prefix: str) -> Chart:
    """Requests sent and failed per second over a burst, and the planned rate."""
    edges = _edges(timeline)
    sent, failed = ([count / timeline.step for count in column] for column in (timeline.sent, timeline.failed))

    def draw(axes: Axes) -> None:
        axes.step(edges, _extended(sent), where="post", color=SERIES[0], label="sent")
        axes.stairs(failed, edges, fill=True, color=BAD, linewidth=0, label="failed")
        if burst.plan.rate:
            axes.axhline(burst.plan.rate, color=INK, linestyle=":", linewidth=1.2, label="planned")
        start_at_zero(axes)
        _label_burst_axes(axes, edges, "requests per second")

    return chart(
        draw,
        prefix,
        f"Throughput and failures in {burst.name}",
        f"{plural(burst.overall.count, 'request')}, {burst.overall.failed:,} failed.",
        rows_of(("from s", "sent per s", "failed per s"), edges[:-1], sent, failed),
    )


def send_lag_chart(burst: Burst, lag: SendLag, distribution: Distribution, prefix: str) -> Chart:
    """Distribution of delays after the intended send times, a measure of the generator's accuracy."""

    def draw(axes: Axes) -> None:
        _bars(axes, distribution)
        axes.axvline(lag.p99, color=SERIES[1], linestyle=":", linewidth=1.2, label=f"p99 {number(lag.p99)} µs")
        log_ticks(axes.xaxis)
        axes.set_xlabel("sent later than intended (µs)")

    half, most = (number(max(1.0, value)) for value in (lag.p50, lag.p99))
    description = f"Half of the requests were sent within {half} µs of their intended time, 99 % within {most} µs."
    return chart(draw, prefix, f"Send lag in {burst.name}", description, _bins(distribution, "µs"))


def trend_chart(bursts: Sequence[Burst], limits: Sequence[float], prefix: str) -> Chart:
    """p50, p95 and p99 of each burst, in send order."""
    series = {name: [getattr(burst.overall, name) for burst in bursts] for name in ("p50", "p95", "p99")}

    def draw(axes: Axes) -> None:
        _plot_per_burst(axes, series)
        draw_limits(axes, limits, "ms")
        axes.set_title("response time (ms)")

    description = f"p50, p95 and p99 of {plural(len(bursts), 'burst')}."
    rows = rows_of(("burst", *(f"{name} ms" for name in series)), _burst_numbers(bursts), *series.values())
    return chart(draw, prefix, "Response time per burst", description, rows)


def send_lag_trend_chart(bursts: Sequence[Burst], prefix: str) -> Chart:
    """Send lag of each burst."""
    lags = [burst.send_lag for burst in bursts]
    series = {name: [None if lag is None else max(1.0, getattr(lag, name)) for lag in lags] for name in ("p50", "p99", "max")}

    def draw(axes: Axes) -> None:
        _plot_per_burst(axes, series)
        axes.set_title("send lag (µs)")

    worst = max((lag.p99 for lag in lags if lag is not None), default=None)
    description = f"How late requests were sent; the worst p99 is {number(worst)} µs."
    rows = rows_of(("burst", *(f"{name} µs" for name in series)), _burst_numbers(bursts), *series.values())
    return chart(draw, prefix, "Send lag per burst", description, rows)


Spans = Sequence[tuple[float, float]]
"""Start and end of each period of load, in seconds since 1970."""


def cpu_chart(used: WorkloadResources, series: ResourceSeries, loads: Spans, prefix: str) -> Chart:
    """A workload's CPU over time with its request and limit; periods of load are shaded."""
    description = f"{number(used.cpu_avg)} cores on average, {number(used.cpu_max)} at peak under load; limit {number(used.cpu_limit)}."
    draw = _usage_drawing(series.times, series.cpu, loads, label="CPU (cores)", request=used.cpu_request, limit=used.cpu_limit)
    rows = rows_of(("time s", "cores"), _seconds_since_load(series.times, loads), series.cpu)
    return chart(draw, prefix, f"CPU of {used.workload}", description, rows)


def memory_chart(used: WorkloadResources, series: ResourceSeries, loads: Spans, prefix: str) -> Chart:
    """A workload's memory over time with its request and limit; periods of load are shaded."""
    description = f"{number(used.memory_max)} MB at peak under load; limit {number(used.memory_limit)} MB."
    draw = _usage_drawing(series.times, series.memory, loads, label="memory (MB)", request=used.memory_request, limit=used.memory_limit)
    rows = rows_of(("time s", "MB"), _seconds_since_load(series.times, loads), series.memory)
    return chart(draw, prefix, f"Memory of {used.workload}", description, rows)


def _usage_drawing(
    times: Sequence[float],
    values: Sequence[float | None],
    loads: Spans,
    *,
    label: str,
    request: float | None,
    limit: float | None,
) -> DrawAxes:
    after = _seconds_since_load(times, loads)

    def draw(axes: Axes) -> None:
        for place, (start, end) in enumerate(zip(*(_seconds_since_load(ends, loads) for ends in zip(*loads, strict=True)), strict=True)):
            axes.axvspan(start, end, color=SHADE, linewidth=0, zorder=0, label="" if place else "load")
        axes.step(after, with_gaps(values), where="post", color=SERIES[0], label="used")
        for value, style, name in ((request, ":", "requested"), (limit, "--", "limit")):
            if value is not None:
                axes.axhline(value, color=LIMIT, linestyle=style, linewidth=1.2, label=name)
        start_at_zero(axes)
        axes.margins(x=0)
        axes.set_title(label)
        axes.set_xlabel("seconds since the load started")

    return draw


def _seconds_since_load(times: Sequence[float], loads: Spans) -> list[float]:
    """Seconds since the start of the first load."""
    began = min(start for start, _ in loads)
    return [time - began for time in times]


def _edges(timeline: Timeline) -> list[float]:
    """The start of each step, and the end of the last one."""
    return [round(place * timeline.step, 3) for place in range(len(timeline.sent) + 1)]


def _extended(column: Sequence[Value]) -> list[Value]:
    """Repeat the last value, so its step is as wide as the others."""
    return [*column, column[-1]]


def _label_burst_axes(axes: Axes, edges: Sequence[float], title: str) -> None:
    axes.set_xlim(edges[0], edges[-1])
    axes.set_title(title)
    axes.set_xlabel("seconds into the burst")


def _bars(axes: Axes, distribution: Distribution) -> None:
    axes.stairs(distribution.counts, distribution.edges, fill=True, color=SERIES[0], linewidth=0)
    axes.set_xscale("log")
    start_at_zero(axes)
    axes.set_title("requests")


def _bins(distribution: Distribution, unit: str) -> Rows:
    """The bins that are not empty."""
    bins = [(low, high, count) for (low, high), count in zip(pairwise(distribution.edges), distribution.counts, strict=True) if count]
    return rows_of((f"from {unit}", f"to {unit}", "requests"), *zip(*bins, strict=True))


def _burst_numbers(bursts: Sequence[Burst]) -> range:
    return range(1, len(bursts) + 1)


def _plot_per_burst(axes: Axes, series: dict[str, list[float | None]]) -> None:
    for (name, values), colour in zip(series.items(), SERIES, strict=False):
        axes.plot(range(1, len(values) + 1), with_gaps(values), "o-", markersize=3, color=colour, label=name)
    log_scale(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("burst")
