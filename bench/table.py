"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.closed import Flood
from bench.frozen import Honesty
from bench.goals import Goal
from bench.punctual import Punctuality


def page(machine: str, floods: Sequence[Flood], lags: Sequence[Punctuality], honesties: Sequence[Honesty], goals: Sequence[Goal]) -> str:
    """The whole page."""
    parts = [
        f"# Measured by `make bench`\n\n{machine}\n\nForeign CPU is what all processes but the tool and the server used, in cores.",
        _table(
            "Goals",
            ("goal", "wanted", "measured", ""),
            ((goal.name, goal.wanted, goal.measured, "met" if goal.met else "MISSED") for goal in goals),
        ),
        _table(
            "As fast as it goes, 32 connections, both cores shared with nginx",
            ("tool", "requests/s", "of wrk", "CPU us/request", "of wrk's", "foreign CPU"),
            (
                (row.tool, f"{row.rate:,.0f}", f"{row.of_wrk:.2f}", f"{row.cpu_us:.1f}", f"{row.cpu_of_wrk:.1f}x", f"{row.foreign:.2f}")
                for row in floods
            ),
        ),
        _table(
            "On time (kindgate, Poisson arrivals)",
            ("rate/s", "generators", "achieved", "dropped", "loop lag p50 / p99 / max us", "CPU of a core", "foreign CPU"),
            (
                (
                    f"{row.rate:,}",
                    str(row.generators),
                    f"{row.achieved:.2%}",
                    str(row.dropped),
                    f"{row.lag_p50:.0f} / {row.lag_p99:.0f} / {row.lag_max:.0f}",
                    f"{row.cpu_share:.0%}",
                    f"{row.foreign:.2f}",
                )
                for row in lags
            ),
        ),
        _table(
            "A server that stands still for half a second of three, at 1,000 requests/s",
            ("tool", "requests", "p90 ms", "may be", "p99 ms", "may be", ""),
            (
                (
                    row.tool,
                    "?" if row.count is None else f"{row.count:,}",
                    _ms(row.p90),
                    f"{row.low[0]:.0f}-{row.high[0]:.0f}",
                    _ms(row.p99),
                    f"{row.low[1]:.0f}-{row.high[1]:.0f}",
                    "honest" if row.honest else "hides it",
                )
                for row in honesties
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]
    return f"## {title}\n\n" + "\n".join(lines)
