"""Arithmetic on stored samples: increase and rate of counters in a window, and values of gauges. Pure functions."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from kindgate.model import Window
from kindgate.observe.series import Range

GAUGE_VALIDITY = 25.0
"""Validity of a gauge's sample in seconds: longer than cAdvisor's longest gap."""


def rates(series: Range) -> list[tuple[float, float, float]]:
    """Return the counter as (from, to, rate per second) between samples; a decrease is a reset to 0, as in Prometheus."""
    steps = []
    for index in range(1, len(series.times)):
        begin, end = series.times[index - 1], series.times[index]
        before, after = series.values[index - 1], series.values[index]
        steps.append((begin, end, (after - before if after >= before else after) / (end - begin)))
    return steps


def increase(series: Range, window: Window) -> float:
    """Return the counter's increase in `window`, interpolated linearly between samples."""
    return sum(per_second * overlap(begin, end, window) for begin, end, per_second in rates(series))


def overlap(begin: float, end: float, window: Window) -> float:
    """Return how many seconds of `begin` to `end` are in `window`."""
    return max(0.0, min(end, window.end) - max(begin, window.start))


def longest_gap(all_series: Iterable[Range], window: Window) -> float:
    """Return the longest gap between two samples in or around `window`, in seconds; 0 if no pair of samples overlaps it."""
    steps = (step for series in all_series for step in rates(series))
    return max((end - begin for begin, end, _ in steps if overlap(begin, end, window)), default=0.0)


def total_rate(all_series: Sequence[Range], times: Sequence[float]) -> list[float | None]:
    """Return the counters' total rate per second at each of `times`; None if no two samples enclose the time."""
    steps = [step for series in all_series for step in rates(series)]
    totals: list[float | None] = []
    for time in times:
        current_rates = [per_second for begin, end, per_second in steps if begin <= time < end]
        totals.append(sum(current_rates) if current_rates else None)
    return totals


def total_gauge(all_series: Sequence[Range], times: Sequence[float]) -> list[float | None]:
    """Return the gauges' sum at each of `times`, from each one's newest sample within `GAUGE_VALIDITY` seconds; None without any."""
    totals: list[float | None] = []
    for time in times:
        values = [value for series in all_series if (value := _newest(series, time)) is not None]
        totals.append(sum(values) if values else None)
    return totals


def largest_gauge(all_series: Sequence[Range], window: Window) -> float | None:
    """Return the largest sum of the gauges in `window`, at the samples' times and at the window's ends."""
    inside = {time for series in all_series for time in _within(series.times, window)}
    return largest(total_gauge(all_series, sorted(inside | {window.start, window.end})))


def largest_rate(all_series: Sequence[Range], window: Window) -> float | None:
    """Return the largest total rate per second of the counters at any time in `window`."""
    inside = {time for series in all_series for time in _within(series.times, window)}
    return largest(total_rate(all_series, sorted(inside | {window.start})))


def largest(values: Iterable[float | None]) -> float | None:
    """Return the largest value that is not None."""
    return max((value for value in values if value is not None), default=None)


def _within(times: Sequence[float], window: Window) -> Sequence[float]:
    return times[bisect_left(times, window.start) : bisect_left(times, window.end)]


def _newest(series: Range, time: float) -> float | None:
    index = bisect_right(series.times, time) - 1
    if index < 0 or time - series.times[index] > GAUGE_VALIDITY:
        return None
    return series.values[index]
