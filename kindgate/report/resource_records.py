"""A report's record of resource use during a window of load. CPU in cores, memory in MB (10^6 bytes)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from kindgate.report.frozen_record import Amount, Count, Epoch, Line, Name, Record, Seconds, Share

SERIES_POINTS = 300


class ResourceSeries(Record):
    """CPU and memory over time; `times` in seconds since 1970, `None` for a missing sample."""

    times: Annotated[tuple[Epoch, ...], Field(max_length=SERIES_POINTS)]
    cpu: Annotated[tuple[Amount | None, ...], Field(max_length=SERIES_POINTS)]
    memory: Annotated[tuple[Amount | None, ...], Field(max_length=SERIES_POINTS)]

    @model_validator(mode="after")
    def _columns_agree(self) -> Self:
        if not len(self.times) == len(self.cpu) == len(self.memory):
            raise ValueError("the columns of a resource series differ in length")
        return self


class WorkloadResources(Record):
    """One workload in one window: its use, its requests and its limits.

    Requests and limits are sums over all its pods, `None` if not set. `rx` and `tx` are MB in the window; `throttled` is the
    share of scheduler periods in which the CPU limit stopped it.
    """

    namespace: Name
    workload: Name
    pods: Count
    restarts: Count = 0
    cpu_avg: Amount | None = None
    cpu_max: Amount | None = None
    cpu_request: Amount | None = None
    cpu_limit: Amount | None = None
    memory_max: Amount | None = None
    memory_request: Amount | None = None
    memory_limit: Amount | None = None
    rx: Amount | None = None
    tx: Amount | None = None
    throttled: Share | None = None
    series: ResourceSeries | None = None


class ResourceWindow(Record):
    """All workloads during one window, usually a burst's."""

    name: Name
    started: Epoch
    seconds: Seconds
    workloads: Annotated[tuple[WorkloadResources, ...], Field(max_length=200)] = ()
    notes: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
