"""Full speed: requests per second and CPU time per request of every tool, each between two wrk runs.

A virtual machine's speed drifts by a third within minutes, so only ratios to the adjacent wrk runs are meaningful.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.install_tools import Toolbox
from bench.nginx import Nginx
from bench.noise_filter import is_quiet, median_sample
from bench.run_profile import RunProfile
from bench.tools import CONNECTIONS, TOOLS, WRK, Load, Tool
from bench.usage import Usage
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.result import BurstResult
from kindgate.progress import Progress

KINDGATE = "kindgate, 2 generators"

OnResult = Callable[[BurstResult], object]
"""Receives kindgate's own result."""


@dataclass(frozen=True)
class ThroughputSample:
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


def measure_throughput(
    server: Nginx, tools: Toolbox, profile: RunProfile, progress: Progress, on_result: OnResult
) -> Iterator[ThroughputSample]:
    """Measure wrk, kindgate and every available tool between wrk runs; yield the median of the samples that count."""
    before = _run(WRK, server, tools, profile)
    runs: list[tuple[str, Callable[[], _Measured], int]] = [(WRK.name, _measurement_of(WRK, server, tools, profile), 1)]
    runs += [(KINDGATE, lambda: _measure_kindgate(server, profile, on_result), profile.samples)]
    runs += [(tool.name, _measurement_of(tool, server, tools, profile), 1) for tool in TOOLS if tool.program in tools]
    for name, run, samples_needed in runs:
        samples: list[ThroughputSample] = []
        while sum(map(is_quiet, samples)) < samples_needed and len(samples) < samples_needed + profile.max_tries - 1:
            progress(f"full speed: {name}")
            measured, after = run(), _run(WRK, server, tools, profile)
            samples.append(_relative_to(name, before, measured, after))
            before = after
        yield _representative(samples)


def _representative(samples: list[ThroughputSample]) -> ThroughputSample:
    chosen = median_sample(samples, lambda sample: sample.of_wrk)
    return ThroughputSample(**{**vars(chosen), "samples": len(samples)})


def _relative_to(name: str, before: _Measured, measured: _Measured, after: _Measured) -> ThroughputSample:
    """Relate a run to the wrk runs before and after it."""
    rate, cpu = (before.rate + after.rate) / 2, (before.cpu_us + after.cpu_us) / 2
    foreign = max(before.foreign, measured.foreign, after.foreign)
    return ThroughputSample(name, measured.rate, measured.cpu_us, measured.rate / rate, measured.cpu_us / cpu, foreign)


def _measurement_of(tool: Tool, server: Nginx, tools: Toolbox, profile: RunProfile) -> Callable[[], _Measured]:
    return lambda: _run(tool, server, tools, profile)


def _run(tool: Tool, server: Nginx, tools: Toolbox, profile: RunProfile) -> _Measured:
    answered_before = server.answered()
    with Usage(server) as usage:
        report = tool.run(tools, Load(server.url, profile.flood_seconds))
    return _Measured(report.rate, usage.children / max(server.answered() - answered_before, 1) * 1e6, usage.foreign)


def _measure_kindgate(server: Nginx, profile: RunProfile, on_result: OnResult) -> _Measured:
    plan = BurstPlan((Route(server.url),), ClosedLoop(CONNECTIONS, seconds=profile.flood_seconds), processes=2)
    with GeneratorPool() as pool:
        warm_up(plan, 0.5, pool)
        with Usage(server) as usage:
            result = run_burst(plan, pool=pool)
    on_result(result)
    generators = result.health.cpu_seconds
    cpu_us = (generators + usage.this_process) / result.sent * 1e6
    return _Measured(result.achieved_rate, cpu_us, max(0.0, usage.foreign - generators / usage.seconds))
