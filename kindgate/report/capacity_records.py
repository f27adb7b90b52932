"""A report's record of a capacity: what each replica carries, how many a rate needs, and what a million requests cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kindgate.report.frozen_record import Amount, Count, Line, Name, Record

CAPACITY_LIMIT = 50
"""Maximum capacities in a report."""


class CapacityWorkload(Record):
    """One workload at the capacity: its `replicas`, and requests and journeys per second of the whole application for each.

    `cpu` is the CPU time in cores that one replica used then; None if unknown. `needed` replicas carry the target rate if every
    replica carries as much as now; None without a target.
    """

    workload: Name
    replicas: Count
    rate: Amount
    cpu: Amount | None = None
    needed: Count | None = None


class CapacityRow(Record):
    """The rates at which the objectives are `met` and `missed`, in requests and journeys per second; None if there is none.

    `reason` says why the higher one was missed. `at_least`: the generator or the end of the search limits what is known.
    `cpu_per_request` is the CPU time of all workloads in ms per request at the rate `met`. `cost` is that of a million requests
    at `price` per CPU-hour, for CPU time that is used. `target` is the rate to plan for.
    """

    test: Line = ""
    met: Amount | None
    missed: Amount | None = None
    reason: Line = ""
    at_least: bool = False
    workloads: Annotated[tuple[CapacityWorkload, ...], Field(max_length=200)] = ()
    cpu_per_request: Amount | None = None
    price: Amount | None = None
    cost: Amount | None = None
    target: Amount | None = None
