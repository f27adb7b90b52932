"""Intended time and route or journey of each arrival of an open loop. Pure: determined by the plan and its seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kindgate.load.journey import Journey
from kindgate.load.plan import OpenLoop, Route, Stage

NANOS = 1_000_000_000
"""Nanoseconds in a second."""

_BATCH = 10_000
"""Number of entries drawn together: drawing one at a time costs more than sending the request."""


Entry = Route | Journey
"""What is sent at an intended time."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """Arrival `i` is due `intended[i]` nanoseconds after the start (ascending), for the entry `route[i]`.

    Entries are the plan's routes, then its journeys. `number[i]` counts the earlier arrivals of the same entry; the array is
    empty if requests of one route do not differ.
    """

    intended: NDArray[np.int64]
    route: NDArray[np.int64]
    number: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def share(self, index: int, of: int) -> Schedule:
        """The share of generator `index` of `of`: every `of`th arrival, so all shares together are the schedule."""
        return Schedule(self.intended[index::of], self.route[index::of], self.number[index::of])


def make_schedule(loop: OpenLoop, entries: Sequence[Entry], seed: int, *, numbered: bool = False) -> Schedule:
    """The schedule of an open loop. The order of entries and the arrivals come from separate streams of `seed`.

    Poisson arrivals follow from the defining property: given their number, they are independent and as dense as the rate.
    Their positions on the cumulative rate are therefore uniform, and the inverse of that curve gives the times.
    """
    arrivals, order = np.random.default_rng(seed).spawn(2)
    chosen = entry_blocks(entries, loop.count, order)[: loop.count]
    if loop.streams:
        positions, chosen = _merged_streams(loop, entries, chosen, arrivals)
    elif loop.arrival == "uniform":
        positions = np.arange(loop.count, dtype=np.float64)
    else:
        positions = np.sort(arrivals.uniform(0, loop.count, loop.count))
    intended = np.rint(_times(loop.stages, positions) * NANOS).astype(np.int64)
    return Schedule(intended, chosen, occurrence_numbers(chosen)) if numbered else Schedule(intended, chosen)


def _merged_streams(
    loop: OpenLoop, entries: Sequence[Entry], chosen: NDArray[np.int64], arrivals: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Ascending positions of the arrivals of all streams, and the entry of each; the entries of a stream keep their order.

    Each stream has its share of the rate at every moment. Uniform ones begin at random, or those of equal rates would coincide.
    """
    processes = {"": loop.arrival, **dict(loop.streams)}
    names = list(processes)
    stream_of = np.array([names.index(entry.stream) if entry.stream in processes else 0 for entry in entries])[chosen]
    positions = np.empty(len(chosen))
    for number, arrival in enumerate(processes.values()):
        members = np.flatnonzero(stream_of == number)
        spread = (
            np.arange(len(members)) + arrivals.uniform()
            if arrival == "uniform"
            else np.sort(arrivals.uniform(0, len(members), len(members)))
        )
        positions[members] = spread * (len(chosen) / max(1, len(members)))
    order = np.argsort(positions, kind="stable")
    return positions[order], chosen[order]


def occurrence_numbers(chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each element, the number of equal elements before it."""
    order = np.argsort(chosen, kind="stable")
    numbers = np.empty_like(chosen)
    counts = np.bincount(chosen)
    numbers[order] = np.arange(len(chosen)) - np.repeat(np.cumsum(counts) - counts, counts)
    return numbers


def endless_entries(entries: Sequence[Entry], order: np.random.Generator) -> Iterator[int]:
    """Yield the entries of successive requests, without end."""
    while True:
        yield from entry_blocks(entries, _BATCH, order).tolist()


def entry_blocks(entries: Sequence[Entry], arrivals: int, order: np.random.Generator) -> NDArray[np.int64]:
    """Enough blocks for `arrivals`; each has every entry as often as its weight, in random order."""
    block = np.repeat(np.arange(len(entries)), [entry.weight for entry in entries])
    return order.permuted(np.tile(block, (-(-arrivals // len(block)), 1)), axis=1).ravel()


def _times(stages: tuple[Stage, ...], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times in seconds at which the cumulative rate reaches each of the ascending `positions` (in requests)."""
    times = np.empty_like(positions)
    started = reached = 0.0
    first = 0
    for stage in stages:
        last = int(np.searchsorted(positions, reached + stage.requests, side="left"))
        if stage is stages[-1]:
            last = len(positions)
        times[first:last] = started + _seconds_into_stage(stage, positions[first:last] - reached)
        first, started, reached = last, started + stage.seconds, reached + stage.requests
    return times


def _seconds_into_stage(stage: Stage, area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds into a stage at which `area` requests are due: start * t + slope * t^2 / 2 = area."""
    slope = (stage.end_rate - stage.start_rate) / stage.seconds
    if slope == 0:
        return area / stage.start_rate if stage.start_rate else np.full_like(area, stage.seconds)
    root = np.sqrt(np.maximum(stage.start_rate**2 + 2 * slope * area, 0.0))
    seconds: NDArray[np.float64] = np.minimum((root - stage.start_rate) / slope, stage.seconds)
    return seconds
