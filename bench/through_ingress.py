"""The open loop through the ingress of the cluster that stands: rates up to what such a route takes on two cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kindgate.load.burst import run_burst, warm_up
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.pool import GeneratorPool
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Stage
from kindgate.pipeline.targets import ingress_routes
from kindgate.settings import build_settings

SECONDS = 5.0
RATES = (200, 500, 1000)


@dataclass(frozen=True)
class Through:
    """One rate; times in milliseconds."""

    rate: int
    completed: int
    failed: int
    p50: float
    p95: float
    p99: float
    lag_p99_us: float
    cpu_share: float


def through_ingress(say: Callable[[str], object]) -> Iterator[Through]:
    """Every rate, against all hosts of the application that stands; the cluster is kept."""
    settings = build_settings(Path.cwd(), {"kind_keep": "always"}, {}, os.environ)
    pipeline = Pipeline(settings, settings.cluster_name, say)
    try:
        reached = pipeline.reach(Stage.APP)
    finally:
        pipeline.release()
    routes = ingress_routes(reached.address.ingress_url, reached.rendered.hosts)
    with GeneratorPool() as pool:
        for rate in RATES:
            say(f"through the ingress: {rate} per second")
            plan = BurstPlan(routes, OpenLoop.constant(rate, seconds=SECONDS))
            warm_up(plan, 2.0, pool)
            result = run_burst(plan, pool=pool)
            total = result.total
            p50, p95, p99 = (total.response.percentile(q) / 1000 for q in (50, 95, 99))
            lag = result.loop_lag.percentile(99)
            yield Through(rate, total.completed, total.failures, p50, p95, p99, lag, result.health.cpu_share)
