"""Resources that an application's workloads used during a burst, by workload and arm."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkloadUsage:
    """One workload of one arm in one burst, summed over its `pods`.

    `cpu_seconds` from the burst's start to its end. `memory` is the mean working set in bytes, `received` and `transmitted` are
    bytes that crossed the pods' network interfaces; each is None if it could not be read.
    """

    workload: str
    arm: str
    pods: int
    cpu_seconds: float
    memory: float | None = None
    received: int | None = None
    transmitted: int | None = None
