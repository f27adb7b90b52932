"""Output of `kindgate load`: a live line while it sends, tables afterward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kindgate.cli.load_thresholds import BurstVerdict
from kindgate.figures import percent
from kindgate.histogram import Histogram
from kindgate.load.burst_progress import BurstProgress
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.result import BurstResult, FailureKind, Series
from kindgate.slo.capacity_search import RateTrial, capacity_range

_CAPTION = "response time counts from the intended send time, service time from the actual one"

_CLOSED_CAPTION = "closed loop: each user waits for its response, so a slow server gets fewer requests and its times look too good"

_REDIRECTED = (
    "warning: {:,} of {:,} answers were redirects, which were not followed: the application itself was barely measured; "
    "use the address that they point to, or add --redirects"
)

_RETRIED = (
    "retried: {:,} requests were answered only on a second attempt, because their keep-alive connection had been closed; "
    "they count as failed"
)

_BELOW_CAPACITY = "Judge response times well below capacity: p(95) is four times as noisy at one third of it as at one sixth."


class LiveLine:
    """One line that is rewritten on a terminal; elsewhere, it is printed about once a second."""

    def __init__(self, console: Console, plan: BurstPlan) -> None:
        self._console = console
        seconds = plan.loop.seconds
        self._span = f" of {seconds:g}" if seconds is not None else ""
        self._planned = f" of {plan.loop.count:,}" if isinstance(plan.loop, OpenLoop) else ""
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        """Start."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove the line."""
        if self._live:
            self._live.stop()

    def show(self, progress: BurstProgress) -> None:
        """Show the newest figures."""
        p95 = "-" if progress.p95_ms is None else f"{progress.p95_ms:.2f} ms"
        retried = f" ({progress.retried:,} retried)" if progress.retried else ""
        line = (
            f"{progress.elapsed:5.1f}{self._span} s  {progress.rate:6,.0f}/s  p95 {p95}  "
            f"errors {progress.failed:,}{retried}  in flight {progress.in_flight:,}  done {progress.ended:,}{self._planned}"
        )
        if self._live:
            self._live.update(Text(line), refresh=True)
        else:
            self._console.print(line, highlight=False, soft_wrap=True)


def result_tables(result: BurstResult, burst_verdict: BurstVerdict) -> list[RenderableType]:
    """The results, by route and in total, and the threshold outcomes."""
    parts: list[RenderableType] = [_times_table(result), _summary_line(result)]
    if result.total.mostly_redirects:
        parts.append(Text(_REDIRECTED.format(result.total.redirects, sum(result.total.status.values())), style="yellow"))
    if result.total.retried:
        parts.append(Text(_RETRIED.format(result.total.retried), style="yellow"))
    if result.interrupted:
        parts.append(Text(_interruption(result), style="yellow"))
    if burst_verdict.outcomes:
        parts.append(_threshold_table(burst_verdict))
    parts += [Text(reason, style="yellow") for reason in burst_verdict.reasons]
    return parts


def _interruption(result: BurstResult) -> str:
    """The text on an interruption and the requests it lost."""
    unanswered = result.failed.get(FailureKind.UNANSWERED, 0)
    lost = f"; lost: {unanswered:,} unanswered, {result.dropped:,} due but not sent" if unanswered or result.dropped else ""
    return f"interrupted: results up to that point{lost}"


def _times_table(result: BurstResult) -> Table:
    loop = result.closed_loop
    title = f"{result.scheduled:,} requests, {result.achieved_rate:,.1f} per second{f', closed loop with {loop}' if loop else ''}"
    table = Table(title=title, title_justify="left", caption=_CLOSED_CAPTION if loop else _CAPTION)
    table.add_column("ms")
    for name in ("requests", "success", "avg", "p50", "p90", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    if len(result.series) > 1:
        for series in result.series:
            table.add_row(*_row(f"{series.route} {series.arm}".strip(), series, series.response))
    for journey in result.journeys:
        success = percent(journey.completed / journey.scheduled) if journey.scheduled else "-"
        name = f"journey {journey.journey} {journey.arm}".strip()
        table.add_row(name, f"{journey.scheduled:,}", success, *_figures(journey.duration))
    table.add_row(*_row("response", result.total, result.total.response))
    table.add_row(*_row("service", result.total, result.total.service))
    table.add_row("send lag", f"{result.send_lag.count:,}", "", *_figures(result.send_lag))
    return table


def _row(name: str, series: Series, histogram: Histogram) -> tuple[str, ...]:
    success = percent(series.completed / series.scheduled) if series.scheduled else "-"
    return (name, f"{series.scheduled:,}", success, *_figures(histogram))


def _figures(histogram: Histogram) -> tuple[str, ...]:
    if not histogram.count:
        return ("-",) * 6
    values = (histogram.mean, *(histogram.percentile(q) for q in (50, 90, 95, 99)), float(histogram.max))
    return tuple(f"{value / 1000:.2f}" for value in values)


def _summary_line(result: BurstResult) -> Text:
    failed = ", ".join(f"{count:,} {kind}" for kind, count in result.failed.items()) or "none"
    redirects = f"redirects (3xx, not followed): {result.total.redirects:,}; " if result.total.redirects else ""
    if result.total.redirects_followed:
        redirects += f"redirects followed: {result.total.redirects_followed:,}; "
    health = result.health
    text = f"{redirects}failures: {failed}; dropped {result.dropped:,}; generators: {health.processes}, {health.cpu_share:.0%} of a core"
    lost = f"; {result.missing:.0%} of the load is missing because its generator was lost" if result.missing else ""
    foreign = "" if health.foreign is None else f", programs outside the run and its cluster {percent(health.foreign)} of the CPUs"
    return Text(f"{text}, others use {health.other_cpu:.2f} cores{foreign}{lost}")


def _threshold_table(burst_verdict: BurstVerdict) -> Table:
    table = Table(title=f"{burst_verdict.verdict} (this burst alone)", title_justify="left")
    for name in ("threshold", "value", ""):
        table.add_column(name)
    for outcome in burst_verdict.outcomes:
        table.add_row(outcome.threshold, "no data" if outcome.value is None else f"{outcome.value:g}", "met" if outcome.ok else "NOT MET")
    return table


@dataclass(frozen=True)
class SearchStep:
    """One rate of a capacity search, with the burst that was sent at it."""

    trial: RateTrial
    result: BurstResult


def capacity_table(steps: Sequence[SearchStep], *, interrupted: bool = False) -> Table:
    """Every step of a capacity search, and its result."""
    found = capacity_range(step.trial for step in steps)
    best = "no rate passes" if found.met is None else f"{found.met:g} requests per second pass"
    title = f"capacity: {'interrupted, so far ' if interrupted else 'at least ' if found.at_least else ''}{best}"
    table = Table(title=title, title_justify="left", caption=_BELOW_CAPACITY, caption_justify="left")
    for name in ("rate", "achieved", "success", "p95 ms", "p99 ms", "verdict"):
        table.add_column(name, justify="right")
    for step in steps:
        total = step.result.total
        figures = _figures(total.response)
        success = percent(total.completed / total.scheduled) if total.scheduled else "-"
        verdict = step.trial.reason or "passes"
        table.add_row(f"{step.trial.rate:g}", f"{step.result.achieved_rate:,.0f}", success, figures[3], figures[4], verdict)
    return table
