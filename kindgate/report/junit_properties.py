"""JUnit properties of a test: its objectives and burst results, as pairs of name and value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from kindgate.report.burst_records import Burst
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome

Property = tuple[str, str]


def slo_properties(objectives: Iterable[ThresholdOutcome]) -> list[Property]:
    """`slo.verdict[...]`, `slo.measured[...]` and `slo.limit[...]` per threshold, and its unit if it has one."""
    properties: list[Property] = []
    for objective in objectives:
        which = f"[{objective.metric}: {objective.expression}]"
        unit = f"_{objective.unit}" if objective.unit else ""
        properties.append((f"slo.verdict{which}", objective.verdict.value))
        for name, value in (("measured", objective.measured), ("limit", objective.limit), ("low", objective.low), ("high", objective.high)):
            if value is not None:
                properties.append((f"slo.{name}{unit}{which}", f"{value:g}"))
    return properties


def comparison_properties(rows: Iterable[ComparisonRow]) -> list[Property]:
    """`compare.verdict[p(95)]`, both absolute figures, the change with its interval, and the tolerance (shares).

    If a confirmation round followed, `compare.first_verdict` and `compare.first_change` are from the looks before it.
    """
    properties: list[Property] = []
    for row in rows:
        which = f"[{row.metric}]"
        unit = f"_{row.unit}" if row.unit else ""
        properties.append((f"compare.verdict{which}", row.verdict.value))
        if row.first is not None:
            properties.append((f"compare.first_verdict{which}", row.first.verdict.value))
        figures = ((f"base{unit}", row.base), (f"head{unit}", row.head), ("change", row.change), ("low", row.low), ("high", row.high))
        first_change = row.first.change if row.first is not None else None
        for name, value in (*figures, ("tolerated", row.tolerance), ("first_change", first_change)):
            if value is not None:
                properties.append((f"compare.{name}{which}", f"{value:g}"))
    return properties


def load_properties(bursts: Sequence[Burst]) -> list[Property]:
    """`load.*`: the amount and results of the load; times are medians over the bursts."""
    if not bursts:
        return []
    overall = [burst.overall for burst in bursts]
    properties = [
        ("load.bursts", str(len(bursts))),
        ("load.requests", str(sum(figures.count for figures in overall))),
        ("load.failed", str(sum(figures.failed for figures in overall))),
        ("load.rps", f"{median(figures.rate for figures in overall):.1f}"),
    ]
    for name in ("p50", "p90", "p95", "p99", "max"):
        known = [value for figures in overall if (value := getattr(figures, name)) is not None]
        if known:
            properties.append((f"load.{name}_ms", f"{median(known):.3f}"))
    lags = [burst.send_lag.p99 for burst in bursts if burst.send_lag is not None]
    if lags:
        properties.append(("load.send_lag_p99_us", f"{max(lags):.0f}"))
    return properties
