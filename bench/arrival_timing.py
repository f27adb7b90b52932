"""Open loop: scheduling delay of requests and its CPU cost, at several rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.nginx import Nginx
from bench.noise_filter import median_sample
from bench.run_profile import RunProfile
from bench.usage import Usage
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.progress import Progress

RATES = ((1000, 1), (5000, 1), (10_000, 2))
"""Requests per second, and number of generators."""


@dataclass(frozen=True)
class ArrivalTiming:
    """One rate. Lags in microseconds; `cpu_share` of one core, by the busiest generator; `foreign` in cores, without the server."""

    rate: int
    generators: int
    achieved: float
    dropped: int
    lag_p50: float
    lag_p99: float
    lag_max: float
    cpu_share: float
    cpu_us: float
    foreign: float
    samples: int = 1


def measure_arrival_timing(server: Nginx, profile: RunProfile, progress: Progress) -> Iterator[ArrivalTiming]:
    """Send Poisson arrivals at each rate after a warm-up; yield the sample with the median p99 of those that count."""
    for rate, generators in RATES:
        progress(f"open loop: {rate} per second")
        samples = [_sample(server, profile, rate, generators) for _ in range(profile.samples)]
        chosen = median_sample(samples, lambda sample: sample.lag_p99)
        yield ArrivalTiming(**{**vars(chosen), "samples": len(samples)})


def _sample(server: Nginx, profile: RunProfile, rate: int, generators: int) -> ArrivalTiming:
    plan = BurstPlan((Route(server.url),), OpenLoop.constant(rate, seconds=profile.paced_seconds), processes=generators)
    with GeneratorPool() as pool:
        warm_up(plan, 1.0, pool)
        with Usage(server) as usage:
            result = run_burst(plan, pool=pool)
    health, lag = result.health, result.loop_lag
    return ArrivalTiming(
        rate=rate,
        generators=generators,
        achieved=result.achieved_rate / rate,
        dropped=result.dropped,
        lag_p50=lag.percentile(50),
        lag_p99=lag.percentile(99),
        lag_max=float(lag.max),
        cpu_share=health.cpu_share,
        cpu_us=(health.cpu_seconds + usage.this_process) / result.sent * 1e6,
        foreign=max(0.0, usage.foreign - health.cpu_seconds / usage.seconds),
    )
