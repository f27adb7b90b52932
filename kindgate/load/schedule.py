"""Intended time and route of each request of an open loop. Pure: determined by the plan and its seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kindgate.load.plan import OpenLoop, Route, Stage

NANOS = 1_000_000_000
"""Nanoseconds in a second."""

_ROUTE_BATCH = 10_000
"""Number of routes drawn together: drawing one at a time costs more than sending the request."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """Request `i` goes to `routes[route[i]]` of the plan, `intended[i]` nanoseconds after the start (ascending)."""

    intended: NDArray[np.int64]
    route: NDArray[np.int64]

    def share(self, index: int, of: int) -> Schedule:
        """The share of generator `index` of `of`: every `of`th request, so all shares together are the schedule."""
        return Schedule(self.intended[index::of], self.route[index::of])


def make_schedule(loop: OpenLoop, routes: tuple[Route, ...], seed: int) -> Schedule:
    """The schedule of an open loop. The order of routes and the arrivals come from separate streams of `seed`.

    Poisson arrivals follow from the defining property: given their number, they are independent and as dense as the rate.
    Their positions on the cumulative rate are therefore uniform, and the inverse of that curve gives the times.
    """
    arrivals, order = np.random.default_rng(seed).spawn(2)
    uniform = loop.arrival == "uniform"
    positions = np.arange(loop.count, dtype=np.float64) if uniform else np.sort(arrivals.uniform(0, loop.count, loop.count))
    intended = np.rint(_times(loop.stages, positions) * NANOS).astype(np.int64)
    return Schedule(intended, route_blocks(routes, loop.count, order)[: loop.count])


def endless_routes(routes: tuple[Route, ...], order: np.random.Generator) -> Iterator[int]:
    """Yield the routes of successive requests, without end."""
    while True:
        yield from route_blocks(routes, _ROUTE_BATCH, order).tolist()


def route_blocks(routes: tuple[Route, ...], requests: int, order: np.random.Generator) -> NDArray[np.int64]:
    """Enough blocks for `requests`; each has every route as often as its weight, in random order."""
    block = np.repeat(np.arange(len(routes)), [route.weight for route in routes])
    return order.permuted(np.tile(block, (-(-requests // len(block)), 1)), axis=1).ravel()


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
