"""The truth test: the server stands still for half a second of three, and tools say what they noticed.

With uniform arrivals p(q) = T - (1 - q) * 3 s * (1 - rho), where T is how long it stood still by the freezer's own
clock and rho = rate / drain rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bench.nginx import Freezer, Nginx
from bench.tools import TOOLS, WRK, Tool
from kindgate.load.burst import run_burst, warm_up
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.pool import GeneratorPool
from kindgate.load.samples import Column, Rows

RATE = 1000
SECONDS = 3.0
FROZEN = 0.5
AFTER = 0.8
TOLERANCE = 0.05
CAUGHT_UP = 5_000_000
"""Nanoseconds of response time at which the backlog counts as gone."""


@dataclass(frozen=True)
class Honesty:
    """One tool's percentiles in milliseconds beside what theory says; `count` of the 3,000 requests it should have sent.

    `low` and `high` are the bounds for p90 and p99 (instant drain, drain at rate 1/rho, each 5 % wider); None for tools
    whose drain rate is unknown, which are held against the instant drain.
    """

    tool: str
    count: int | None
    frozen: float
    p90: float | None
    p99: float | None
    low: tuple[float, float]
    high: tuple[float, float]
    cap_wait_max: float | None = None

    @property
    def honest(self) -> bool:
        """Whether both percentiles are within the bounds."""
        measured = (self.p90, self.p99)
        return all(value is not None and low <= value <= high for value, low, high in zip(measured, self.low, self.high, strict=True))


def honesties(server: Nginx, say: Callable[[str], object]) -> Iterator[Honesty]:
    """Ours with and without a small cap, and every other tool."""
    for cap in (None, 256):
        say(f"frozen server: kindgate{f', at most {cap} in flight' if cap else ''}")
        yield _ours(server, cap)
    for tool in (WRK, *TOOLS):
        if tool.installed:
            say(f"frozen server: {tool.name}")
            yield _other(server, tool)


def _ours(server: Nginx, cap: int | None) -> Honesty:
    loop = OpenLoop.constant(RATE, seconds=SECONDS, arrival="uniform")
    plan = BurstPlan((Route(server.url),), loop, in_flight=cap, processes=1)
    kept: list[Rows] = []
    freezer = Freezer(server, FROZEN, AFTER)
    with GeneratorPool() as pool:
        warm_up(plan, 0.5, pool)
        with freezer.armed():
            result = run_burst(plan, pool=pool, on_rows=kept.append)
    total = result.total
    bounds = _bounds(freezer.seconds, RATE / drain_rate(kept[0]))
    name = "kindgate" + (f", at most {cap} in flight" if cap else "")
    p90, p99 = (total.response.percentile(q) / 1000 for q in (90, 99))
    return Honesty(name, total.completed, freezer.seconds * 1000, p90, p99, *bounds, cap_wait_max=result.cap_wait.max / 1000)


def _other(server: Nginx, tool: Tool) -> Honesty:
    freezer = Freezer(server, FROZEN, AFTER)
    with freezer.armed():
        report = tool.paced(server.url, SECONDS, RATE) if tool.paced else tool.flood(server.url, SECONDS)
    return Honesty(tool.name, report.count, freezer.seconds * 1000, report.p90_ms, report.p99_ms, *_bounds(freezer.seconds, 0.05))


def _bounds(frozen: float, rho: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The least and the most that p90 and p99 may be, in milliseconds."""
    spared = tuple((1 - q) * SECONDS * 1000 for q in (0.90, 0.99))
    low90, low99 = ((1 - TOLERANCE) * (frozen * 1000 - part) for part in spared)
    high90, high99 = ((1 + TOLERANCE) * (frozen * 1000 - part * (1 - rho)) for part in spared)
    return (low90, low99), (high90, high99)


def drain_rate(rows: Rows) -> float:
    """Answers per second between the end of the longest pause and the first request that is answered at once again."""
    ordered = rows[rows[:, Column.DONE].argsort(kind="stable")]
    done = ordered[:, Column.DONE]
    thaw = int(np.argmax(np.diff(done))) + 1
    response = done[thaw:] - ordered[thaw:, Column.INTENDED]
    caught_up = int(np.argmax(response < CAUGHT_UP))
    return caught_up / max(float(done[thaw + caught_up] - done[thaw]) / 1e9, 1e-4)
