"""As fast as it goes: requests per second and CPU per request of every tool, each between two runs of wrk.

A virtual machine's speed drifts by a third within minutes, so only ratios to the wrk runs around a tool mean anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.nginx import Nginx
from bench.tools import CONNECTIONS, TOOLS, WRK, Report, Tool
from bench.usage import Usage
from kindgate.load.burst import run_burst, warm_up
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.pool import GeneratorPool
from kindgate.load.result import BurstResult

SECONDS = 4.0
OURS = "kindgate, 2 generators"


@dataclass(frozen=True)
class Flood:
    """One tool at full speed. `of_wrk` is its rate, and `cpu_of_wrk` its CPU time per request, relative to wrk around it.

    `foreign` is the CPU time of all other processes but the server, in cores.
    """

    tool: str
    rate: float
    cpu_us: float
    of_wrk: float
    cpu_of_wrk: float
    foreign: float


@dataclass(frozen=True)
class _Measured:
    rate: float
    cpu_us: float
    foreign: float


def floods(server: Nginx, say: Callable[[str], object], keep: Callable[[BurstResult], object]) -> Iterator[Flood]:
    """Every tool that is installed, ours first; `keep` gets our own result."""
    before = _run(WRK.flood, server)
    yield Flood(WRK.name, before.rate, before.cpu_us, 1.0, 1.0, before.foreign)
    runs: list[tuple[str, Callable[[], _Measured]]] = [(OURS, lambda: _ours(server, keep))]
    runs += [(tool.name, _bound(tool, server)) for tool in TOOLS if tool.installed]
    for name, run in runs:
        say(f"full speed: {name}")
        measured = run()
        after = _run(WRK.flood, server)
        rate, cpu = (before.rate + after.rate) / 2, (before.cpu_us + after.cpu_us) / 2
        yield Flood(name, measured.rate, measured.cpu_us, measured.rate / rate, measured.cpu_us / cpu, measured.foreign)
        before = after


def _bound(tool: Tool, server: Nginx) -> Callable[[], _Measured]:
    return lambda: _run(tool.flood, server)


def _run(flood: Callable[[str, float], Report], server: Nginx) -> _Measured:
    answered = server.answered()
    with Usage(server) as usage:
        report = flood(server.url, SECONDS)
    return _Measured(report.rate, usage.own / max(server.answered() - answered, 1) * 1e6, usage.foreign)


def _ours(server: Nginx, keep: Callable[[BurstResult], object]) -> _Measured:
    plan = BurstPlan((Route(server.url),), ClosedLoop(CONNECTIONS, seconds=SECONDS), processes=2)
    with GeneratorPool() as pool:
        warm_up(plan, 0.5, pool)
        with Usage(server) as usage:
            result = run_burst(plan, pool=pool)
    keep(result)
    cpu = result.health.cpu_seconds
    return _Measured(result.achieved_rate, cpu / result.sent * 1e6, max(0.0, usage.foreign - cpu / usage.seconds))
