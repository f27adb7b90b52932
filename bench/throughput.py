"""Full speed: requests per second and CPU time per request of every tool, each between two wrk runs.

A virtual machine's speed drifts by a third within minutes, so only ratios to the adjacent wrk runs are meaningful.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.install_tools import Say, Toolbox
from bench.nginx import Nginx
from bench.noise_filter import is_quiet, median
from bench.run_profile import Effort
from bench.tools import CONNECTIONS, TOOLS, WRK, Load, Tool
from bench.usage import Usage
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.result import BurstResult

OURS = "kindgate, 2 generators"

Keep = Callable[[BurstResult], object]
"""Receives kindgate's own result."""


@dataclass(frozen=True)
class Flood:
    """One tool at full speed. `of_wrk` and `cpu_of_wrk` are rate and CPU time per request relative to the adjacent wrk runs.

    `foreign` is the CPU use in cores of all other processes except the server, in the busiest of the three runs.
    """

    tool: str
    rate: float
    cpu_us: float
    of_wrk: float
    cpu_of_wrk: float
    foreign: float
    samples: int = 1


@dataclass(frozen=True)
class _Measured:
    rate: float
    cpu_us: float
    foreign: float


def floods(server: Nginx, tools: Toolbox, effort: Effort, say: Say, keep: Keep) -> Iterator[Flood]:
    """Measure wrk, kindgate and every available tool between wrk runs; yield the median of the samples that count."""
    before = _run(WRK, server, tools, effort)
    runs: list[tuple[str, Callable[[], _Measured], int]] = [(WRK.name, _bound(WRK, server, tools, effort), 1)]
    runs += [(OURS, lambda: _ours(server, effort, keep), effort.samples)]
    runs += [(tool.name, _bound(tool, server, tools, effort), 1) for tool in TOOLS if tool.program in tools]
    for name, run, wanted in runs:
        samples: list[Flood] = []
        while sum(map(is_quiet, samples)) < wanted and len(samples) < wanted + effort.tries - 1:
            say(f"full speed: {name}")
            measured, after = run(), _run(WRK, server, tools, effort)
            samples.append(_between(name, before, measured, after))
            before = after
        yield _chosen(samples)


def _chosen(samples: list[Flood]) -> Flood:
    middle = median(samples, lambda sample: sample.of_wrk)
    return Flood(**{**vars(middle), "samples": len(samples)})


def _between(name: str, before: _Measured, measured: _Measured, after: _Measured) -> Flood:
    """Relate a run to the wrk runs before and after it."""
    rate, cpu = (before.rate + after.rate) / 2, (before.cpu_us + after.cpu_us) / 2
    foreign = max(before.foreign, measured.foreign, after.foreign)
    return Flood(name, measured.rate, measured.cpu_us, measured.rate / rate, measured.cpu_us / cpu, foreign)


def _bound(tool: Tool, server: Nginx, tools: Toolbox, effort: Effort) -> Callable[[], _Measured]:
    return lambda: _run(tool, server, tools, effort)


def _run(tool: Tool, server: Nginx, tools: Toolbox, effort: Effort) -> _Measured:
    answered = server.answered()
    with Usage(server) as usage:
        report = tool.run(tools, Load(server.url, effort.flood))
    return _Measured(report.rate, usage.own / max(server.answered() - answered, 1) * 1e6, usage.foreign)


def _ours(server: Nginx, effort: Effort, keep: Keep) -> _Measured:
    plan = BurstPlan((Route(server.url),), ClosedLoop(CONNECTIONS, seconds=effort.flood), processes=2)
    with GeneratorPool() as pool:
        warm_up(plan, 0.5, pool)
        with Usage(server) as usage:
            result = run_burst(plan, pool=pool)
    keep(result)
    generators = result.health.cpu_seconds
    cpu_us = (generators + usage.this) / result.sent * 1e6
    return _Measured(result.achieved_rate, cpu_us, max(0.0, usage.foreign - generators / usage.seconds))
