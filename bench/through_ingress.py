"""The same load through a real cluster's ingress, where the route is the bottleneck, not the generator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.install_tools import Toolbox
from bench.run_profile import RunProfile
from bench.tools import CONNECTIONS, TOOLS, WRK, Load
from bench.usage import children_seconds, this_seconds
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.pipeline.burst_plans import entry_routes
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.provisioner import Pipeline
from kindgate.progress import Progress
from kindgate.settings_sources import build_settings

RATES = (200, 500, 1000)


@dataclass(frozen=True)
class IngressThroughput:
    """One tool at full speed: requests per second, and the tool's own CPU time per request in microseconds."""

    tool: str
    rate: float
    cpu_us: float


@dataclass(frozen=True)
class IngressLatency:
    """kindgate at one rate; times in milliseconds."""

    rate: int
    completed: int
    failed: int
    p50: float
    p95: float
    p99: float
    lag_p99_us: float
    cpu_share: float


def kept_cluster_routes(progress: Progress) -> tuple[Route, ...]:
    """Return routes to all hosts of this folder's application; the cluster is created if missing, and kept."""
    settings = build_settings(Path.cwd(), {"kind_keep": "always"}, {}, os.environ)
    pipeline = Pipeline(settings, settings.cluster_name, progress)
    try:
        application = pipeline.environment_at(DeployedApplication)
    finally:
        pipeline.cleanup.release()
    return entry_routes(application.entries, application.address)


def measure_ingress_throughput(
    routes: tuple[Route, ...], tools: Toolbox, profile: RunProfile, progress: Progress
) -> Iterator[IngressThroughput]:
    """Measure every tool against the first host."""
    route = routes[0]
    plan = BurstPlan((route,), ClosedLoop(CONNECTIONS, seconds=profile.flood_seconds), processes=2)
    with GeneratorPool() as pool:
        warm_up(plan, 2.0, pool)
        progress("through the ingress at full speed: kindgate")
        before = this_seconds()
        result = run_burst(plan, pool=pool)
        cpu = result.health.cpu_seconds + this_seconds() - before
    yield IngressThroughput("kindgate, 2 generators", result.achieved_rate, cpu / result.sent * 1e6)
    for tool in (WRK, *TOOLS):
        if tool.program in tools:
            progress(f"through the ingress at full speed: {tool.name}")
            before = children_seconds()
            report = tool.run(tools, Load(route.url, profile.flood_seconds, host=route.host))
            sent = report.count or report.rate * profile.flood_seconds
            yield IngressThroughput(tool.name, report.rate, (children_seconds() - before) / max(sent, 1) * 1e6)


def measure_ingress_latency(routes: tuple[Route, ...], profile: RunProfile, progress: Progress) -> Iterator[IngressLatency]:
    """Measure kindgate at every rate, against all hosts."""
    with GeneratorPool() as pool:
        for rate in RATES:
            progress(f"through the ingress: {rate} per second")
            plan = BurstPlan(routes, OpenLoop.constant(rate, seconds=profile.paced_seconds))
            warm_up(plan, 2.0, pool)
            result = run_burst(plan, pool=pool)
            total = result.total
            p50, p95, p99 = (total.response.percentile(q) / 1000 for q in (50, 95, 99))
            lag = result.loop_lag.percentile(99)
            yield IngressLatency(rate, total.completed, total.failures, p50, p95, p99, lag, result.health.cpu_share)
