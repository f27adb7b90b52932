"""The results as Markdown. Pure: a results file gives the same text everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from bench.arrival_timing import ArrivalTiming
from bench.coordinated_omission import OmissionResult
from bench.noise_filter import QUIET_CORES, is_quiet
from bench.real_runs import RealRuns
from bench.results import Results
from bench.throughput import ThroughputSample
from bench.verdicts import ErrorRates
from bench.workload_cost import RATE, WorkloadCost
from kindgate.model import Verdict

BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"
"""The marks around the generated part of a page."""

Sampled: TypeAlias = ThroughputSample | ArrivalTiming | OmissionResult | WorkloadCost
"""A row with the number of its samples and what other programs used."""

_VERDICTS = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID)

_FOREIGN = f"Foreign CPU is what all processes but tool and server used, in cores; a sample with up to {QUIET_CORES:g} counts as quiet."


def insert_generated(page: str, text: str) -> str:
    """Return `page` with `text` between its marks. Raises `ValueError` if it has none."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no place between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def tables(results: Results) -> str:
    """Format everything that docs/benchmarks.md shows of a run: the goals first, then the figures."""
    return f"{goals_table(results)}\n\n## The figures\n\n{details(results)}"


def goals_table(results: Results) -> str:
    """Format each goal, the measured value, and whether the goal is met."""
    rows = ((goal.name, goal.wanted, goal.seen, "met" if goal.met else "**not met**") for goal in results.goals)
    table = _table(("measured by `make bench`", "goal", "seen", ""), rows)
    return f"{table}\n\n{results.measured}, {results.machine}. {disturbance(results)}"


def disturbance(results: Results) -> str:
    """State whether the machine was quiet during the measurements of the engine and the other tools."""
    rows: list[Sampled] = [*results.full_speed, *results.open_loop, *results.frozen_server, *results.workload]
    loudest = max(rows, key=lambda row: row.foreign)
    state = "quiet" if is_quiet(loudest) else "busy"
    return f"A {state} machine: others used up to {loudest.foreign:.2f} cores in the samples that count."


def details(results: Results) -> str:
    """Format all tables of one run."""
    tools = ", ".join(f"{name} {version}" for name, version in results.tools.items())
    parts = [
        f"Measured on {results.measured}: {results.machine}. With {tools}.",
        f"{_FOREIGN}\n{results.rule}",
        _full_speed(results.full_speed),
        _open_loop(results.open_loop),
        *([_workload(results.workload)] if results.workload else []),
        _frozen_server(results.frozen_server),
        _error_rates(results.error_rates),
        *([_real_runs(RealRuns(results.real_runs))] if results.real_runs else []),
        *([_ingress(results)] if results.ingress else []),
    ]
    return "\n\n".join(parts)


def _full_speed(throughput: Iterable[ThroughputSample]) -> str:
    head = ("tool", "requests/s", "of wrk", "CPU us/request", "of wrk's", "foreign CPU", "samples")
    cells = (
        (flood.tool, f"{flood.rate:,.0f}", f"{flood.of_wrk:.3f}", f"{flood.cpu_us:.1f}", f"{flood.cpu_of_wrk:.1f}x", *_quality_cells(flood))
        for flood in throughput
    )
    return _titled("As fast as it goes, 32 connections, both cores shared with nginx", head, cells)


def _open_loop(timings: Iterable[ArrivalTiming]) -> str:
    head = ("rate/s", "generators", "achieved", "dropped", "loop lag p50 / p99 / max us", "CPU of a core", "foreign CPU", "samples")
    cells = (
        (
            f"{timing.rate:,}",
            str(timing.generators),
            f"{timing.achieved:.2%}",
            str(timing.dropped),
            f"{timing.lag_p50:.0f} / {timing.lag_p99:.0f} / {timing.lag_max:.0f}",
            f"{timing.cpu_share:.0%}",
            *_quality_cells(timing),
        )
        for timing in timings
    )
    return _titled("On time (kindgate, Poisson arrivals)", head, cells)


def _workload(costs: Iterable[WorkloadCost]) -> str:
    head = ("load", "achieved", "failed", "loop lag p50 / p99 us", "CPU us/request", "of plain GETs'", "foreign CPU", "samples")
    cells = (
        (
            cost.name,
            f"{cost.achieved:.2%}",
            str(cost.failed),
            f"{cost.lag_p50:.0f} / {cost.lag_p99:.0f}",
            f"{cost.cpu_us:.0f}",
            f"{cost.of_plain:.2f}x",
            *_quality_cells(cost),
        )
        for cost in costs
    )
    return _titled(f"Requests that differ, and journeys, at {RATE:,} requests/s", head, cells)


def _frozen_server(omissions: Iterable[OmissionResult]) -> str:
    head = ("tool", "requests", "p90 ms", "required", "p99 ms", "required", "", "foreign CPU", "samples")
    cells = (
        (
            row.tool,
            "?" if row.count is None else f"{row.count:,}",
            _ms(row.p90),
            f"{row.low[0]:.0f}-{row.high[0]:.0f}",
            _ms(row.p99),
            f"{row.low[1]:.0f}-{row.high[1]:.0f}",
            row.assessment,
            *_quality_cells(row),
        )
        for row in omissions
    )
    return _titled("A server that is frozen for half a second of three, at 1,000 requests/s", head, cells)


def _error_rates(rates: ErrorRates) -> str:
    head = ("experiment", "bursts", "runs", "PASS", "FAIL", "INCONCLUSIVE", "bursts on average")
    cells = (
        (row.name, row.generator, f"{row.runs:,}", f"{row.passed:.1%}", f"{row.failed:.1%}", f"{row.inconclusive:.1%}", f"{row.bursts:.1f}")
        for row in rates.rows
    )
    return _titled("How often verdicts are wrong", head, dict.fromkeys(cells))  # a row with two goals is listed once


def _real_runs(real: RealRuns) -> str:
    head = (
        "cores kept busy by others",
        "in fact",
        "runs",
        "clusters",
        *map(str, _VERDICTS),
        "FAIL of those that are not INVALID, 95 % interval",
    )
    rows = []
    for foreign in real.levels:
        runs = real.at(foreign)
        low, high = runs.interval
        counts = (str(runs.count(verdict)) for verdict in _VERDICTS)
        rows.append(
            (
                f"{foreign:g}",
                "?" if runs.others is None else f"{runs.others:.2f}",
                str(len(runs.runs)),
                runs.clusters,
                *counts,
                f"{low:.1%} to {high:.1%}",
            )
        )
    return _titled("Comparisons of two equal deployments on a real cluster, from the first burst to the verdict", head, rows)


def _ingress(results: Results) -> str:
    throughput = ((row.tool, f"{row.rate:,.0f}", f"{row.cpu_us:.0f}") for row in results.ingress)
    paced = (
        (
            f"{row.rate:,}/s",
            f"{row.completed:,}",
            str(row.failed),
            f"{row.p50:.2f} / {row.p95:.2f} / {row.p99:.2f}",
            f"{row.lag_p99_us:.0f}",
            f"{row.cpu_share:.0%}",
        )
        for row in results.ingress_paced
    )
    title = "Through the ingress of a 3-node KinD cluster on the same cores"
    first = _titled(title, ("tool, 32 connections", "requests/s", "CPU us/request"), throughput)
    return f"{first}\n\n{_table(('kindgate at', 'answered', 'failed', 'p50 / p95 / p99 ms', 'loop lag p99 us', 'CPU of a core'), paced)}"


def _quality_cells(row: Sampled) -> tuple[str, str]:
    """Format a row's disturbance, and the number of its samples."""
    return f"{row.foreign:.2f}{'' if is_quiet(row) else ' **busy**'}", str(row.samples)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _titled(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return f"### {title}\n\n{_table(head, rows)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)])
