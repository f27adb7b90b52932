"""The comment's measurements: bursts with their chart, resources, phases, links, and the run's environment."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from kindgate.report.burst_records import Burst
from kindgate.report.comment_layout import Block, folded_table, table
from kindgate.report.load_scope import load_scope
from kindgate.report.markdown_escape import cell_code, code_span, link
from kindgate.report.recomputation_notes import CONSISTENT
from kindgate.report.resource_records import WorkloadResources
from kindgate.report.run_report import Link, RunReport
from kindgate.report.units import NONE, limit, number, percent, plural, quantity, span

WORKLOAD_ROWS = 2000
"""Maximum rows to make; no page has space for more."""

CHART_POINTS = 60
"""Points of the mermaid chart: more are not distinguishable, and a comment's characters are limited."""

CHART_THEME = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#0969da"}}}}%%'
"""A line color that is visible on white and on black: mermaid's default is nearly white."""


def bursts_block(report: RunReport) -> Block | None:
    """One row per burst, collapsed."""
    if not report.bursts:
        return None
    columns = ("burst", "requests", "achieved", "p50", "p90", "p95", "p99", "max", "success", "send lag p99")
    rows = [(str(place), *_burst_row(burst)) for place, burst in enumerate(report.bursts, 1)]
    return folded_table(f"{plural(len(rows), 'burst')}, times in ms", columns, rows, usefulness=30, noun="burst")


def chart_block(report: RunReport) -> Block | None:
    """p95 of each burst as a chart that GitHub draws, with only kindgate's numbers in it. The bursts' table has its data."""
    points = [(place, burst.overall.p95) for place, burst in enumerate(report.bursts, 1) if burst.overall.p95 is not None]
    if len(points) < 2:
        return None
    step = -(-len(points) // CHART_POINTS)
    shown = points[::step]
    values = ", ".join(f"{value:.4g}" if (value or 0) < 1e4 else f"{value:.0f}" for _, value in shown)
    chart = f'{CHART_THEME}\nxychart-beta\n  title "p95 of each burst"\n  x-axis "burst" {_axis(shown)}\n  y-axis "ms"\n  line [{values}]'
    return Block((), (f"```mermaid\n{chart}\n```",), usefulness=20, noun="chart")


def resources_block(report: RunReport) -> Block | None:
    """Each workload's use against its limits, in the windows of load."""
    windows = [window for window in report.resources if window.workloads]
    if not windows:
        return None
    columns = ("workload", "pods", "restarts", "CPU avg / max / limit (cores)", "memory max / limit (MB)", "rx / tx (MB)", "throttled")
    used_in = [(window, used) for window in windows for used in window.workloads]
    several = len(windows) > 1
    rows = [
        (cell_code(f"{used.namespace}/{used.workload}"), *_resource_row(used), *((cell_code(window.name),) if several else ()))
        for window, used in used_in[:WORKLOAD_ROWS]
    ]
    names = (*columns, *(("during",) if several else ()))
    left_out = len(used_in) - len(rows)
    return table("Resources under load", names, rows, usefulness=60, noun="workload", left_out=left_out)


def phases_block(report: RunReport) -> Block | None:
    """Duration of each phase, collapsed."""
    if not report.phases:
        return None
    rows = [
        (cell_code(phase.name), span(phase.seconds), "✅" if phase.ok else "❌", cell_code(phase.note) if phase.note else NONE)
        for phase in report.phases
    ]
    title = f"{plural(len(rows), 'phase')}, {span(report.run.seconds)} in total"
    return folded_table(title, ("phase", "time", "succeeded", "note"), rows, usefulness=40, noun="phase")


def load_scope_block(report: RunReport) -> Block | None:
    """The limits of the load behind the verdicts."""
    scope = load_scope(report)
    return Block((f"{scope}.",), usefulness=78) if scope else None


def notes_block(report: RunReport) -> Block | None:
    """Notes for the reader, one line each."""
    notes = [*report.notes, *(note for window in report.resources for note in window.notes)]
    rows = tuple(f"- {code_span(note, 400)}" for note in dict.fromkeys(notes))
    return Block(("**Notes**", ""), rows, usefulness=50, noun="note") if rows else None


def links_block(report: RunReport) -> Block | None:
    """Links to details, and the command that repeats the run."""
    links = _link_texts(report.links)
    context = report.pull_request
    if context is not None and context.run_url and context.run_url not in {one.url for one in report.links}:
        links.insert(0, link("run", context.run_url))
    lines = [" · ".join(links)] if links else []
    if report.run.command:
        lines.append(f"Reproduce it locally: {code_span(report.run.command, 500)}")
    return Block(("  \n".join(lines),), usefulness=46) if lines else None


def links_of(links: Sequence[Link]) -> Block:
    """Links to details of a run without a report."""
    return Block((" · ".join(_link_texts(links)),), usefulness=46)


def _link_texts(links: Iterable[Link]) -> list[str]:
    return [link(one.name, one.url) for one in links if one.url]


def footer_block(report: RunReport) -> Block:
    """The judged commit, environment and versions."""
    parts: list[str] = []
    context = report.pull_request
    if context is not None:
        parts += [f"head {code_span(context.head_sha)}"] if context.head_sha else []
        parts += [f"tested merge {code_span(context.merge_sha)}"] if context.merge_sha else []
        parts += [f"run {context.run_id}"] if context.run_id is not None else []
        parts += [f"attempt {context.attempt}"] if context.attempt is not None else []
    if report.cluster is not None:
        cluster = report.cluster
        cluster_parts = [code_span(part) for part in (cluster.name, cluster.node_image, cluster.server_version) if part]
        parts.append(f"cluster {' '.join(cluster_parts)}, {plural(cluster.nodes, 'node')}, {cluster.origin}")
    machine = report.environment
    if machine.cpus or machine.cpu_model:
        parts.append(f"{plural(machine.cpus, 'CPU')} {code_span(machine.cpu_model) if machine.cpu_model else ''}".strip())
    parts += [code_span(part) for part in (machine.os, machine.engine) if part]
    parts += [code_span(f"{name} {version}") for name, version in list(machine.versions.items())[:8]]
    parts.append(span(report.run.seconds))
    parts += [CONSISTENT] if report.recomputation is not None else []
    return Block((f"<sub>{' · '.join(parts)}</sub>",), usefulness=45)


def _axis(shown: Sequence[tuple[int, float | None]]) -> str:
    """The burst labels of a chart: a numeric scale if evenly spaced, whose labels do not overlap however many there are."""
    places = [place for place, _ in shown]
    if len({after - before for before, after in itertools.pairwise(places)}) == 1:
        return f"{places[0]} --> {places[-1]}"
    return f"[{', '.join(map(str, places))}]"


def _burst_row(burst: Burst) -> Sequence[str]:
    figures = burst.overall
    times = (figures.p50, figures.p90, figures.p95, figures.p99, figures.max)
    lag = NONE if burst.send_lag is None else quantity(burst.send_lag.p99, "µs")
    success = percent(figures.success_rate) + (f" ({figures.redirects:,} redirects)" if figures.redirects else "")
    return (f"{figures.count:,}", f"{number(figures.rate)}/s", *(number(time) for time in times), success, lag)


def _resource_row(used: WorkloadResources) -> Sequence[str]:
    return (
        str(used.pods),
        str(used.restarts),
        f"{number(used.cpu_avg)} / {number(used.cpu_max)} / {limit(used.cpu_limit)}",
        f"{number(used.memory_max)} / {limit(used.memory_limit)}",
        f"{number(used.rx)} / {number(used.tx)}",
        percent(used.throttled),
    )
