"""A capacity in words and as the cells of a table, for every page."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.report.capacity_records import CapacityRow
from kindgate.report.units import NONE, number
from kindgate.report.untrusted_text import UntrustedText, Words


def capacity_words(row: CapacityRow) -> Words:
    """The sentence of a capacity: its rate, what limits it, and the cost of a million requests."""
    if row.met is None:
        found: Words = (f"below {number(row.missed)} requests and journeys per second",)
    else:
        found = (f"{'at least ' if row.at_least else ''}{number(row.met)} requests and journeys per second within the objectives",)
    limited: Words = (f"; at {number(row.missed)}/s: ", UntrustedText(row.reason)) if row.reason and row.missed is not None else ()
    return (*found, *limited, *_cost(row))


def capacity_columns(row: CapacityRow) -> tuple[str, ...]:
    """The names of the columns of `capacity_cells`, after the workload's."""
    needed = () if row.target is None else (f"replicas for {number(row.target)}/s",)
    return ("replicas", "per second and replica", "CPU cores per replica", *needed)


def capacity_cells(row: CapacityRow) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Each workload's name, which is foreign text, and its cells."""
    return [
        (
            one.workload,
            (
                str(one.replicas),
                number(one.rate),
                number(one.cpu),
                *(() if row.target is None else (NONE if one.needed is None else str(one.needed),)),
            ),
        )
        for one in row.workloads
    ]


def _cost(row: CapacityRow) -> Words:
    if row.cpu_per_request is None:
        return ("; the CPU time per request is unknown",) if row.price is not None else ()
    used = f"; {number(row.cpu_per_request)} ms of CPU time per request"
    if row.cost is None or row.price is None:
        return (used,)
    return (f"{used}, so a million requests cost {number(row.cost)} at {number(row.price)} per CPU-hour",)
