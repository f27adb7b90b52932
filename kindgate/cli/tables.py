"""Tables of measurements, as commands print them."""

from __future__ import annotations

from kindgate.metrics.resources import ResourceSummary, WorkloadUse
from kindgate.report.numbers import limit, number, percent
from kindgate.report.terminal import aligned

MEGABYTE = 1e6
HEADER = ("workload", "pods", "restarts", "CPU avg", "CPU max", "CPU limit", "memory MB", "limit MB", "rx MB", "tx MB", "throttled")


def resource_table(summary: ResourceSummary) -> str:
    """One row per workload, with limits summed over its pods, followed by notes."""
    lines = aligned([HEADER, *(_row(use) for use in summary.workloads)])
    return "\n".join([*lines, *(f"note: {note}" for note in summary.notes)])


def _row(use: WorkloadUse) -> tuple[str, ...]:
    return (
        f"{use.namespace}/{use.workload}",
        str(use.pods),
        str(use.restarts),
        number(use.cpu_avg),
        number(use.cpu_max),
        limit(_times(use.allowance.cpu_limit, use.pods)),
        number(_megabytes(use.memory_max)),
        limit(_megabytes(_times(use.allowance.memory_limit, use.pods))),
        number(_megabytes(use.received)),
        number(_megabytes(use.sent)),
        percent(use.throttled),
    )


def _times(of_one: float | None, pods: int) -> float | None:
    return None if of_one is None else of_one * pods


def _megabytes(amount: float | None) -> float | None:
    return None if amount is None else amount / MEGABYTE
