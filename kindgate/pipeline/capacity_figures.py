"""What a capacity means for operation: the share of each replica, the replicas for a target rate, the cost of a million requests.

Pure. Replicas are assumed to carry equal shares, and more of them as much as the present ones. The cost is that of the CPU time
that was used: what a cluster reserves beyond it depends on its headroom, which no burst shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kindgate.load.result import BurstResult
from kindgate.load.workload_usage import WorkloadUsage
from kindgate.report.capacity_records import CapacityRow, CapacityWorkload
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.slo.capacity_search import CapacityRange
from kindgate.slo.compare import BASE

HOUR = 3600.0
MILLION = 1_000_000


def capacity_row(
    found: CapacityRange,
    bursts: Sequence[BurstResult],
    replicas: Mapping[str, int],
    *,
    target_rate: float = 0.0,
    cpu_hour_price: float = 0.0,
    test: str = "",
) -> CapacityRow:
    """The report's record of a capacity.

    `bursts` were sent at the highest rate that was met. `replicas` are the application's pods by workload. 0 means that no
    target rate, or no price, was given.
    """
    usage = _usage(bursts)
    seconds = sum(burst.seconds for burst in bursts)
    sent = sum(burst.sent for burst in bursts)
    known = bool(usage) and sent > 0
    cpu_per_request = sum(usage.values()) / sent if known else None
    met = found.met
    workloads = [
        CapacityWorkload(
            workload=shortened(workload, NAME_LIMIT),
            replicas=count,
            rate=met / count,
            cpu=usage[workload] / seconds / count if workload in usage and seconds else None,
            needed=math.ceil(count * target_rate / met) if target_rate else None,
        )
        for workload, count in sorted(replicas.items())
        if met and count
    ]
    return CapacityRow(
        test=shortened(test, LINE_LIMIT),
        met=met,
        missed=found.missed,
        reason=shortened(found.reason, LINE_LIMIT),
        at_least=found.at_least,
        workloads=tuple(workloads[:200]),
        cpu_per_request=None if cpu_per_request is None else 1000 * cpu_per_request,
        price=cpu_hour_price or None,
        cost=None if cpu_per_request is None or not cpu_hour_price else MILLION * cpu_per_request / HOUR * cpu_hour_price,
        target=target_rate or None,
    )


def _usage(bursts: Sequence[BurstResult]) -> dict[str, float]:
    """CPU seconds of each workload of the judged version over all bursts; empty if one of them has none."""
    parts = [[one for one in burst.usage if one.arm != BASE] for burst in bursts]
    if not all(parts):
        return {}
    return {workload: _total(parts, workload) for workload in {one.workload for part in parts for one in part}}


def _total(parts: Sequence[Sequence[WorkloadUsage]], workload: str) -> float:
    return sum(one.cpu_seconds for part in parts for one in part if one.workload == workload)
