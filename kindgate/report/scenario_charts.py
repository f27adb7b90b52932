"""The timeline of an episode: requests, losses, response times, ready pods and events on one axis of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kindgate.report.canvas import BAD, INK, SERIES, SHADE, Chart, Rows, log_scale, stacked_chart, start_at_zero, with_gaps
from kindgate.report.episode_records import EpisodeRecord, ReplicaRow
from kindgate.report.units import number, plural

EVENT_LINES = 60
"""Maximum number of events with a line in the drawing; the page lists all."""

SHORTEST_SECOND = 0.2
"""Seconds that the last second of a timeline covers in the drawing, however early in it the load ended."""


def timeline_chart(episode: EpisodeRecord, prefix: str, name: str) -> Chart | None:
    """The timeline of an episode, called `name` on the page; None without the figures of its seconds."""
    timeline = episode.timeline
    if not timeline.start:
        return None
    edges = [*timeline.start, max(episode.finished, timeline.start[-1] + SHORTEST_SECOND)]
    panels = [_requests_panel(episode, edges), _times_panel(episode, edges)]
    if episode.replicas:
        panels.append(_replicas_panel(episode))

    def labeled(draw: Callable[[Axes], None], *, last: bool) -> Callable[[Axes], None]:
        def draw_all(axes: Axes) -> None:
            draw(axes)
            _draw_action(axes, episode)
            axes.set_xlim(edges[0], edges[-1])
            if last:
                axes.set_xlabel("seconds of the episode")

        return draw_all

    draws = [labeled(panel, last=panel is panels[-1]) for panel in panels]
    return stacked_chart(draws, prefix, f"Timeline of {name}", timeline_words(episode), _rows(episode))


def timeline_words(episode: EpisodeRecord) -> str:
    """What the drawing shows, for readers who cannot see it."""
    timeline = episode.timeline
    requests = episode.requests
    lost = [start for start, count in zip(timeline.start, timeline.lost, strict=True) if count]
    when = f", between {number(lost[0])} s and {number(lost[-1] + 1)} s" if lost else ""
    action = f"The action ran from {number(episode.began)} s to {number(episode.ended)} s"
    back = "the steady state did not return" if episode.recovered is None else f"the steady state was back at {number(episode.recovered)} s"
    pods = [row.ready for row in episode.replicas]
    ready = f" Ready pods per workload: {min(pods)} to {max(pods)}." if pods else ""
    return f"{requests.lost:,} of {plural(requests.scheduled, 'request')} lost{when}. {action}, and {back}.{ready}"


def _requests_panel(episode: EpisodeRecord, edges: Sequence[float]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        due, lost = (_per_second(counts, edges) for counts in (episode.timeline.scheduled, episode.timeline.lost))
        axes.step(edges, [*due, due[-1]], where="post", color=SERIES[0], label="requests")
        axes.stairs(lost, edges, fill=True, color=BAD, linewidth=0, label="lost")
        start_at_zero(axes)
        axes.set_title("requests per second")

    return draw


def _times_panel(episode: EpisodeRecord, edges: Sequence[float]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        axes.step(edges, with_gaps([*episode.timeline.p95, episode.timeline.p95[-1]]), where="post", color=SERIES[1], label="p95")
        log_scale(axes)
        axes.set_title("response time (ms)")

    return draw


def _replicas_panel(episode: EpisodeRecord) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for (workload, rows), colour in zip(_by_workload(episode).items(), reversed(SERIES), strict=False):
            times, ready = [row.at for row in rows], [row.ready for row in rows]
            axes.step([*times, episode.finished], [*ready, ready[-1]], where="post", color=colour, label=f"ready pods of {workload}")
        start_at_zero(axes)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axes.set_title("ready pods")

    return draw


def _per_second(counts: Sequence[int], edges: Sequence[float]) -> list[float]:
    """The rate of each second; the last one ends with the load, and must not look like a drop."""
    return [count / (end - start) for count, (start, end) in zip(counts, pairwise(edges), strict=True)]


def _draw_action(axes: Axes, episode: EpisodeRecord) -> None:
    """Shade the action and the recovery, and mark events."""
    axes.axvspan(episode.began, episode.ended, color=SHADE, linewidth=0, zorder=0, label="action")
    recovered = episode.finished if episode.recovered is None else episode.recovered
    axes.axvspan(episode.ended, recovered, color=SHADE, alpha=0.5, linewidth=0, zorder=0, label="recovery")
    events = [event.at for event in episode.events if 0 <= event.at <= episode.finished][:EVENT_LINES]
    for place, at in enumerate(events):
        axes.axvline(at, color=INK, linestyle=":", linewidth=0.8, label="" if place else "event")


def _by_workload(episode: EpisodeRecord) -> dict[str, list[ReplicaRow]]:
    """The changes of replicas by workload, in order of time."""
    found: dict[str, list[ReplicaRow]] = {}
    for row in sorted(episode.replicas, key=lambda row: row.at):
        found.setdefault(row.workload, []).append(row)
    return found


def _rows(episode: EpisodeRecord) -> Rows:
    """One row per second, with the ready pods at its end."""
    timeline, replicas = episode.timeline, _by_workload(episode)
    pods = [[_ready_at(rows, start + 1) for start in timeline.start] for rows in replicas.values()]
    columns = ("from s", "requests", "lost", "p95 ms", *(f"ready pods of {workload}" for workload in replicas))
    values = (timeline.start, timeline.scheduled, timeline.lost, timeline.p95, *pods)
    return Rows(columns, tuple(tuple(number(cell) for cell in row) for row in zip(*values, strict=True)))


def _ready_at(rows: Sequence[ReplicaRow], moment: float) -> int | None:
    """The number of ready pods at a moment; None before the first count."""
    return next((row.ready for row in reversed(rows) if row.at < moment), None)
