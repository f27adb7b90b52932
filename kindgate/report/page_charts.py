"""Selection of a page's charts: burst trends, the slowest bursts, the busiest workloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.report import charts
from kindgate.report.burst_records import Burst
from kindgate.report.canvas import Chart
from kindgate.report.resource_records import ResourceWindow, WorkloadResources
from kindgate.report.run_report import RunReport

CHARTED_BURSTS = 10
"""Number of bursts with their own charts, the slowest ones; the table and the trend chart show all."""

CHARTED_WORKLOADS = 8


@dataclass(frozen=True)
class BurstCharts:
    """A burst and its charts."""

    place: int
    burst: Burst
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class WorkloadCharts:
    """A workload in a window and its charts."""

    window: ResourceWindow
    used: WorkloadResources
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class PageCharts:
    """All charts of a page."""

    overview: tuple[Chart, ...]
    bursts: tuple[BurstCharts, ...]
    workloads: tuple[WorkloadCharts, ...]


def page_charts_of(report: RunReport) -> PageCharts:
    """The charts for `report`, with unique ids."""
    limits = _latency_limits(report)
    return PageCharts(_overview(report, limits), _burst_charts(report, limits), _workload_charts(report))


def _latency_limits(report: RunReport) -> list[float]:
    """The response time limits, in milliseconds."""
    return sorted(
        {
            objective.limit
            for objective in report.objectives
            if objective.unit == "ms" and objective.limit and objective.metric.startswith("http_req_duration")
        }
    )


def _overview(report: RunReport, limits: Sequence[float]) -> tuple[Chart, ...]:
    """The burst trend charts; a trend needs at least two bursts."""
    if len(report.bursts) < 2:
        return ()
    overview = [charts.trend_chart(report.bursts, limits, "trend")]
    if any(burst.send_lag for burst in report.bursts):
        overview.append(charts.send_lag_trend_chart(report.bursts, "lags"))
    return tuple(overview)


def _burst_charts(report: RunReport, limits: Sequence[float]) -> tuple[BurstCharts, ...]:
    """The slowest bursts with their charts, in send order."""
    numbered = list(enumerate(report.bursts, 1))
    slowest = sorted(numbered, key=lambda each: each[1].overall.p99 or float("inf"), reverse=True)[:CHARTED_BURSTS]
    return tuple(
        BurstCharts(place, burst, _charts_of_burst(place, burst, limits)) for place, burst in sorted(slowest, key=lambda each: each[0])
    )


def _charts_of_burst(place: int, burst: Burst, limits: Sequence[float]) -> tuple[Chart, ...]:
    drawn = []
    if burst.timeline is not None and burst.timeline.sent:
        drawn.append(charts.latency_chart(burst, burst.timeline, limits, f"latency{place}"))
    if burst.distribution is not None and burst.distribution.counts:
        drawn.append(charts.distribution_chart(burst, burst.distribution, limits, f"distribution{place}"))
    if burst.timeline is not None and burst.timeline.sent:
        drawn.append(charts.throughput_chart(burst, burst.timeline, f"throughput{place}"))
    lag = burst.send_lag
    if lag is not None and lag.distribution is not None and lag.distribution.counts:
        drawn.append(charts.send_lag_chart(burst, lag, lag.distribution, f"lag{place}"))
    return tuple(drawn)


def _workload_charts(report: RunReport) -> tuple[WorkloadCharts, ...]:
    """The workloads with the highest CPU use, with their charts."""
    used = [(window, each, each.series) for window in report.resources for each in window.workloads if each.series is not None]
    used.sort(key=lambda row: row[1].cpu_avg or 0.0, reverse=True)
    return tuple(
        WorkloadCharts(
            window,
            each,
            (
                charts.cpu_chart(each, series, _load_periods(report, window), f"cpu{place}"),
                charts.memory_chart(each, series, _load_periods(report, window), f"memory{place}"),
            ),
        )
        for place, (window, each, series) in enumerate(used[:CHARTED_WORKLOADS])
    )


def _load_periods(report: RunReport, window: ResourceWindow) -> list[tuple[float, float]]:
    """The bursts within the window, or the whole window if the report has none of them."""
    begin, end = window.started, window.started + window.seconds
    bursts = [(burst.started, burst.started + burst.seconds) for burst in report.bursts]
    return [(start, stop) for start, stop in bursts if start < end and stop > begin] or [(begin, end)]
