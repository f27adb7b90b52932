"""The charts of the HTML page, drawn by matplotlib as SVG. Only figures and words of ours stand in a chart."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from kindgate.report.bursts import Burst, Distribution, Timeline
from kindgate.report.escape import visible
from kindgate.report.numbers import number
from kindgate.report.resources import ResourceSeries, WorkloadResources
from kindgate.report.svg import COLOURS, adopted

INK, GRID, BAD, LIMIT, SHADE = (COLOURS[name] for name in ("ink", "grid", "bad", "limit", "shade"))
SERIES = tuple(COLOURS[f"series-{place}"] for place in range(1, 5))

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kindgate",
    "svg.id": None,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.columnspacing": 2.4,
    "legend.handletextpad": 0.5,
    "font.size": 9,
    "lines.linewidth": 1.5,
    "path.simplify_threshold": 0.5,
}

Draw = Callable[[Axes], None]


@dataclass(frozen=True)
class Chart:
    """A drawing for a page, with the words that stand above it and are read to those who do not see it."""

    title: str
    description: str
    svg: str


def latency_chart(burst: Burst, timeline: Timeline, limits: Sequence[float], prefix: str) -> Chart:
    """Response times over a burst: the median, bands up to p90 and p99, the largest, and the limits. Milliseconds, log scale."""
    times = _starts(timeline)

    def draw(axes: Axes) -> None:
        p50, p90, p99 = (_gaps(column) for column in (timeline.p50, timeline.p90, timeline.p99))
        axes.fill_between(times, p90, p99, step="post", color=SERIES[0], alpha=0.18, linewidth=0, label="p90 to p99")
        axes.fill_between(times, p50, p90, step="post", color=SERIES[0], alpha=0.38, linewidth=0, label="p50 to p90")
        axes.step(times, p50, where="post", color=SERIES[0], label="p50")
        axes.step(times, _gaps(timeline.max), where="post", color=SERIES[1], linewidth=0.8, label="max")
        _limits(axes, limits)
        _log_scale(axes)
        axes.set(xlabel="seconds into the burst", ylabel="response time (ms)")

    peak = max((value for value in timeline.max if value is not None), default=None)
    return _chart(
        draw, prefix, f"Response time during {burst.name}", f"Percentiles in steps of {timeline.step:g} s; peak {number(peak)} ms."
    )


def distribution_chart(burst: Burst, distribution: Distribution, limits: Sequence[float], prefix: str) -> Chart:
    """How many requests took how long, on a log scale, with the limits."""

    def draw(axes: Axes) -> None:
        edges = distribution.edges
        widths = [high - low for low, high in pairwise(edges)]
        axes.bar(edges[:-1], distribution.counts, widths, align="edge", color=SERIES[0], linewidth=0)
        _limits(axes, limits, upright=True)
        axes.set_xscale("log")
        _log_ticks(axes.xaxis)
        axes.set(xlabel="response time (ms)", ylabel="requests")

    return _chart(draw, prefix, f"Distribution of response times in {burst.name}", f"{sum(distribution.counts):,} requests that succeeded.")


def throughput_chart(burst: Burst, timeline: Timeline, prefix: str) -> Chart:
    """Requests sent and failed per second over a burst, and the planned rate."""
    times = _starts(timeline)

    def draw(axes: Axes) -> None:
        axes.step(times, [count / timeline.step for count in timeline.sent], where="post", color=SERIES[0], label="sent")
        axes.bar(
            times,
            [count / timeline.step for count in timeline.failed],
            timeline.step,
            align="edge",
            color=BAD,
            linewidth=0,
            label="failed",
        )
        if burst.plan.rate:
            axes.axhline(burst.plan.rate, color=INK, linestyle=":", linewidth=1, label="planned")
        axes.set_ylim(bottom=0)
        axes.set(xlabel="seconds into the burst", ylabel="requests per second")

    said = f"{burst.overall.count:,} requests, {burst.overall.failed:,} failed."
    return _chart(draw, prefix, f"Throughput and failures in {burst.name}", said)


def trend_chart(bursts: Sequence[Burst], limits: Sequence[float], prefix: str) -> Chart:
    """p50, p95 and p99 of each burst, in the order in which they were sent."""
    places = range(1, len(bursts) + 1)

    def draw(axes: Axes) -> None:
        for name, colour in zip(("p50", "p95", "p99"), SERIES, strict=False):
            axes.plot(places, _gaps([getattr(burst.overall, name) for burst in bursts]), "o-", markersize=3, color=colour, label=name)
        _limits(axes, limits)
        _log_scale(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="burst", ylabel="response time (ms)")

    return _chart(draw, prefix, "Response time from burst to burst", f"p50, p95 and p99 of {len(bursts)} bursts.")


def send_lag_chart(bursts: Sequence[Burst], prefix: str) -> Chart:
    """How late each burst's requests were sent."""
    known = [(place, burst.send_lag) for place, burst in enumerate(bursts, 1) if burst.send_lag is not None]

    def draw(axes: Axes) -> None:
        places = [place for place, _ in known]
        for name, colour in zip(("p50", "p99", "max"), SERIES, strict=False):
            axes.plot(places, [max(1.0, getattr(lag, name)) for _, lag in known], "o-", markersize=3, color=colour, label=name)
        _log_scale(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="burst", ylabel="send lag (µs)")

    worst = max((lag.p99 for _, lag in known), default=None)
    return _chart(draw, prefix, "Send lag from burst to burst", f"How late requests were sent; the worst p99 is {number(worst)} µs.")


EMPTY_RANGE = (0.1, 1000.0)
"""Milliseconds, or microseconds, that an axis without data shows."""

Spans = Sequence[tuple[float, float]]
"""From when to when load was sent, in seconds since 1970."""


def cpu_chart(used: WorkloadResources, series: ResourceSeries, loads: Spans, prefix: str) -> Chart:
    """A workload's CPU over time, the times of load shaded, with its request and limit."""
    said = f"{number(used.cpu_avg)} cores on average, {number(used.cpu_max)} at most during the load; limit {number(used.cpu_limit)}."
    draw = _use(series.times, series.cpu, loads, label="CPU (cores)", request=used.cpu_request, limit=used.cpu_limit)
    return _chart(draw, prefix, f"CPU of {used.workload}", said)


def memory_chart(used: WorkloadResources, series: ResourceSeries, loads: Spans, prefix: str) -> Chart:
    """A workload's memory over time, the times of load shaded, with its request and limit."""
    said = f"{number(used.memory_max)} MB at most during the load; limit {number(used.memory_limit)} MB."
    draw = _use(series.times, series.memory, loads, label="memory (MB)", request=used.memory_request, limit=used.memory_limit)
    return _chart(draw, prefix, f"Memory of {used.workload}", said)


def _use(
    times: Sequence[float],
    values: Sequence[float | None],
    loads: Spans,
    *,
    label: str,
    request: float | None,
    limit: float | None,
) -> Draw:
    def draw(axes: Axes) -> None:
        began = min(start for start, _ in loads)
        for place, (start, end) in enumerate(loads):
            axes.axvspan(start - began, end - began, color=SHADE, linewidth=0, zorder=0, label="" if place else "load")
        axes.step([time - began for time in times], _gaps(values), where="post", color=SERIES[0], label="used")
        for value, style, name in ((request, ":", "requested"), (limit, "--", "limit")):
            if value is not None:
                axes.axhline(value, color=LIMIT, linestyle=style, linewidth=1, label=name)
        axes.set_ylim(bottom=0)
        axes.set(xlabel="seconds after the load began", ylabel=label)

    return draw


def _chart(draw: Draw, prefix: str, title: str, description: str) -> Chart:
    """One drawing, 6.4 by 2.8 inches, with its legend above it."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 2.8))
        figure.subplots_adjust(left=0.12, right=0.985, bottom=0.17, top=0.88)
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        handles, labels = axes.get_legend_handles_labels()
        if handles:
            axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1), ncols=6, borderaxespad=0.2)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    title, description = visible(title), visible(description)
    return Chart(title, description, adopted(buffer.getvalue(), prefix, title, description))


def _starts(timeline: Timeline) -> list[float]:
    return [place * timeline.step for place in range(len(timeline.sent))]


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _limits(axes: Axes, limits: Sequence[float], *, upright: bool = False) -> None:
    for place, limit in enumerate(sorted(set(limits))):
        line = axes.axvline if upright else axes.axhline
        line(limit, color=LIMIT, linestyle="--", linewidth=1, label="" if place else "limit")


def _log_scale(axes: Axes) -> None:
    """A logarithmic axis; where every request failed there is nothing above zero that its ends could come from."""
    axes.set_yscale("log")
    if not math.isfinite(axes.yaxis.get_minpos()):
        axes.set_ylim(*EMPTY_RANGE)
    _log_ticks(axes.yaxis)


def _log_ticks(axis: Axis) -> None:
    """1, 2, 5, 10, ...: a range below a factor of ten still gets labels."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    axis.set_major_formatter(lambda value, _: number(value))
    axis.set_minor_locator(NullLocator())
