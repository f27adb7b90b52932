"""Coordinated omission: the server freezes for half a second of three, and tools report what they measured.

With uniform arrivals p(q) = T - (1 - q) * 3 s * (1 - rho), where T is the length of the freeze by the freezer's own
clock and rho = rate / drain rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.install_tools import Toolbox
from bench.nginx import Freezer, Nginx
from bench.noise_filter import median_sample
from bench.run_profile import RunProfile
from bench.tools import TOOLS, WRK, Load, Tool
from bench.usage import Usage
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import Column, Rows
from kindgate.load.result import BurstResult
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.progress import Progress
from kindgate.slo.grammar import parse_marker
from kindgate.slo.judge import judge
from kindgate.slo.objectives import Objectives

RATE = 1000
SECONDS = 3.0
FREEZE_SECONDS = 0.5
FREEZE_AFTER = 0.8
TOLERANCE = 0.05
CAUGHT_UP = 5_000_000
"""Response time in nanoseconds below which the backlog counts as drained."""

DEFAULT_RHO = 0.05
"""Rate / drain rate of tools that do not report when each request was answered: kindgate's value on this server."""

OBJECTIVE = "p(95)<100"
"""In milliseconds: missed by a server that is frozen for a sixth of the time."""


@dataclass(frozen=True)
class OmissionResult:
    """One tool's percentiles in milliseconds with their theoretical bounds; `count` of the 3,000 due requests were sent.

    `low` and `high` are the bounds for p90 and p99 (instant drain, drain at rate 1/rho, each 5 % wider); kindgate's drain
    rate stands in for tools whose own is unknown. `verdict` is kindgate's on `OBJECTIVE` after all samples.
    """

    tool: str
    count: int | None
    frozen: float
    p90: float | None
    p99: float | None
    low: tuple[float, float]
    high: tuple[float, float]
    foreign: float
    cap_wait_max: float | None = None
    verdict: str | None = None
    samples: int = 1

    @property
    def assessment(self) -> str:
        """One word: `honest`, `off`, or `hides it` if p90 is less than half of its lower bound."""
        if self.within_bounds:
            return "honest"
        return "hides it" if self.p90 is None or self.p90 < self.low[0] / 2 else "off"

    @property
    def within_bounds(self) -> bool:
        """Whether both percentiles are within the bounds."""
        measured = (self.p90, self.p99)
        return all(value is not None and low <= value <= high for value, low, high in zip(measured, self.low, self.high, strict=True))


def measure_omission(server: Nginx, tools: Toolbox, profile: RunProfile, progress: Progress) -> Iterator[OmissionResult]:
    """Measure kindgate with and without a small concurrency cap, and every other tool."""
    for cap in (None, 256):
        progress(f"frozen server: kindgate{f', at most {cap} in flight' if cap else ''}")
        yield _measure_kindgate(server, profile, cap)
    for tool in (WRK, *TOOLS):
        if tool.program in tools:
            progress(f"frozen server: {tool.name}")
            yield _measure_tool(server, tools, tool)


def _measure_kindgate(server: Nginx, profile: RunProfile, cap: int | None) -> OmissionResult:
    """Return the median of the samples that count, with the verdict on all of them."""
    bursts = [_burst(server, cap) for _ in range(max(2, profile.freezes))]
    samples = [sample for sample, _ in bursts]
    chosen = median_sample(samples, lambda sample: (sample.p90 or 0.0) / sample.high[0])
    return OmissionResult(**{**vars(chosen), "samples": len(samples), "verdict": _verdict([result for _, result in bursts])})


def _burst(server: Nginx, cap: int | None) -> tuple[OmissionResult, BurstResult]:
    loop = OpenLoop.constant(RATE, seconds=SECONDS, arrival="uniform")
    plan = BurstPlan((Route(server.url),), loop, in_flight=cap, processes=1)
    rows: list[Rows] = []
    freezer = Freezer(server, FREEZE_SECONDS, FREEZE_AFTER)
    with GeneratorPool() as pool:
        warm_up(plan, 0.5, pool)
        with Usage(server) as usage, freezer.armed():
            result = run_burst(plan, pool=pool, on_rows=rows.append)
    total = result.total
    p90, p99 = (total.response.percentile(q) / 1000 for q in (90, 99))
    sample = OmissionResult(
        "kindgate" + (f", at most {cap} in flight" if cap else ""),
        total.completed,
        freezer.seconds * 1000,
        p90,
        p99,
        *bounds(freezer.seconds, RATE / drain_rate(rows[0])),
        foreign=max(0.0, usage.foreign - result.health.cpu_seconds / usage.seconds),
        cap_wait_max=result.cap_wait.max / 1000,
    )
    return sample, result


def _verdict(results: Sequence[BurstResult]) -> str:
    """Return the objective's verdict on these bursts, as a single look."""
    objectives = Objectives(parse_marker((OBJECTIVE,)))
    return judge(objectives, [burst_sample(result) for result in results], looks=1).verdict.value


def _measure_tool(server: Nginx, tools: Toolbox, tool: Tool) -> OmissionResult:
    freezer = Freezer(server, FREEZE_SECONDS, FREEZE_AFTER)
    with Usage(server) as usage, freezer.armed():
        report = tool.run(tools, Load(server.url, SECONDS, RATE if tool.paced else 0))
    low, high = bounds(freezer.seconds, DEFAULT_RHO)
    return OmissionResult(tool.name, report.count, freezer.seconds * 1000, report.p90_ms, report.p99_ms, low, high, foreign=usage.foreign)


def bounds(frozen: float, rho: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the lower and upper bounds of p90 and of p99, in milliseconds."""
    unaffected = tuple((1 - q) * SECONDS * 1000 for q in (0.90, 0.99))
    low90, low99 = ((1 - TOLERANCE) * (frozen * 1000 - part) for part in unaffected)
    high90, high99 = ((1 + TOLERANCE) * (frozen * 1000 - part * (1 - rho)) for part in unaffected)
    return (low90, low99), (high90, high99)


def drain_rate(rows: Rows) -> float:
    """Return the answers per second from the end of the longest pause to the first request that is answered promptly again."""
    ordered = rows[rows[:, Column.DONE].argsort(kind="stable")]
    done = ordered[:, Column.DONE]
    thaw = int(np.argmax(np.diff(done))) + 1
    response = done[thaw:] - ordered[thaw:, Column.INTENDED]
    caught_up = int(np.argmax(response < CAUGHT_UP))
    return caught_up / max(float(done[thaw + caught_up] - done[thaw]) / 1e9, 1e-4)
