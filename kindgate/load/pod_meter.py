"""Meter pods during a burst: CPU time and traffic at its edges, memory every 100 ms."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from kindgate.host.pod_cgroups import PodGroup
from kindgate.load.workload_usage import WorkloadUsage

MEMORY_SECONDS: Final = 0.1
"""Seconds between two readings of the pods' memory."""


@dataclass(frozen=True)
class MeteredPod:
    """A pod of `workload` that serves the requests of `arm`; empty without a comparison. Plain data, sent to workers."""

    workload: str
    arm: str
    group: PodGroup


@dataclass(frozen=True)
class _Reading:
    cpu_seconds: float
    traffic: tuple[int, int] | None

    @classmethod
    def of(cls, pod: MeteredPod) -> _Reading | None:
        """The pod's counters; None if it is gone."""
        try:
            return cls(pod.group.cpu_seconds(), pod.group.traffic())
        except (OSError, ValueError):
            return None


class PodMeter:
    """Meters `pods` while its block runs; `usage` is the result.

    An arm with a pod that ends within the block has no usage: the sum of the others would be too low. A pod that starts
    within it is not metered: take new pods for each series of bursts.
    """

    def __init__(self, pods: Sequence[MeteredPod]) -> None:
        self.usage: tuple[WorkloadUsage, ...] = ()
        self._pods = tuple(pods)
        self._before: list[_Reading | None] = []
        self._memory = [_Mean() for _ in self._pods]
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="pod memory", daemon=True)

    def __enter__(self) -> Self:
        """Read the counters, and begin to sample memory."""
        self._before = [_Reading.of(pod) for pod in self._pods]
        if self._pods:
            self._sampler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Read the counters again, and compute `usage`."""
        after = [_Reading.of(pod) for pod in self._pods]
        self._ended.set()
        if self._pods:
            self._sampler.join()
        self.usage = tuple(self._workloads(after))

    def _sample(self) -> None:
        while True:
            for pod, mean in zip(self._pods, self._memory, strict=True):
                mean.add(pod.group.working_set())
            if self._ended.wait(MEMORY_SECONDS):
                return

    def _workloads(self, after: Sequence[_Reading | None]) -> Iterator[WorkloadUsage]:
        lost_arms = {pod.arm for pod, *ends in zip(self._pods, self._before, after, strict=True) if None in ends}
        keys = dict.fromkeys((pod.arm, pod.workload) for pod in self._pods if pod.arm not in lost_arms)
        for arm, workload in keys:
            chosen = [number for number, pod in enumerate(self._pods) if (pod.arm, pod.workload) == (arm, workload)]
            pairs = [(first, last) for first, last in ((self._before[one], after[one]) for one in chosen) if first and last]
            traffic = [(first.traffic, last.traffic) for first, last in pairs]
            known = [(start, end) for start, end in traffic if start is not None and end is not None]
            memory = [self._memory[one].value for one in chosen]
            yield WorkloadUsage(
                workload=workload,
                arm=arm,
                pods=len(chosen),
                cpu_seconds=sum(max(0.0, last.cpu_seconds - first.cpu_seconds) for first, last in pairs),
                memory=None if None in memory else sum(value for value in memory if value is not None),
                received=sum(max(0, end[0] - start[0]) for start, end in known) if len(known) == len(traffic) else None,
                transmitted=sum(max(0, end[1] - start[1]) for start, end in known) if len(known) == len(traffic) else None,
            )


class _Mean:
    """The mean of the readings so far; None once one of them was not possible, or without any."""

    def __init__(self) -> None:
        self._total = 0.0
        self._count = 0
        self._failed = False

    def add(self, value: int | None) -> None:
        self._failed |= value is None
        self._total += value or 0
        self._count += 1

    @property
    def value(self) -> float | None:
        return None if self._failed or not self._count else self._total / self._count
