"""Simulated services, with response times in bursts that resemble those of a small cluster.

Fitted to bursts of 1,000 requests through the ingress of a 3-node KinD cluster on 2 cores. The table has the standard
deviation between bursts of a percentile's log, and in the last column that of the log-ratio of two equal versions that
served 500 requests each in one burst:

| | p50 | p90 | p95 | p99 | p95 of two versions |
|---|---|---|---|---|---|
| light, 500 requests per second | .04 | .07 | .15 | .42 | .14 |
| loaded, 1,000 per second | .05 | .19 | .34 to .42 | .50 | .24 |
| scale, a stress: one factor for the whole burst | .40 | .40 | .40 | .40 | .07 |
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.special import ndtr

from kindgate.histogram import Histogram
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.sample import BurstSample, Series

Times = NDArray[np.float64]
"""In milliseconds, one row per burst."""


@dataclass(frozen=True)
class Generator:
    """Lognormal times (`median` ms, `sigma`), of which a share `tail` is slower by a lognormal factor.

    `shift` is the SD, between bursts, of the log of all times; `tail_share` and `tail_shift` are those of the logs of
    the tail's share and position, and `arm` that of the tail's share between two versions in one burst. Whatever varies
    between bursts is autocorrelated from each burst to the next by `neighbors`, from 0 to below 1.
    """

    name: str
    median: float
    sigma: float
    shift: float
    tail: float = 0.0
    tail_log: float = 0.0
    tail_sigma: float = 0.0
    tail_share: float = 0.0
    tail_shift: float = 0.0
    arm: float = 0.0
    neighbors: float = 0.0

    def arms(self, rng: np.random.Generator, bursts: int, requests: int, arms: int = 1) -> list[Times]:
        """Draw the times of `requests` requests to each of `arms` equal versions in each of `bursts` bursts."""
        return [self._times(rng, *burst, requests) for burst in self._bursts(rng, bursts, arms)]

    def slow_shares(self, rng: np.random.Generator, bursts: int, limit: float) -> Times:
        """Draw the share of requests slower than `limit` milliseconds in each of `bursts` bursts of one version.

        The requests of a burst are independent, so the number of slow ones among `n` is binomial with this share.
        """
        return self._slow(*self._bursts(rng, bursts, 1)[0], limit)

    def truth(self, quantile: float) -> float:
        """Return the percentile over all requests of 200,000 bursts, in milliseconds."""
        bursts = self._bursts(np.random.default_rng(20_001), 200_000, 1)[0]
        allowed = 1 - quantile / 100
        return float(brentq(lambda limit: float(self._slow(*bursts, limit).mean()) - allowed, self.median, 1000 * self.median, rtol=1e-5))

    def _slow(self, shift: Times, tail_position: Times, share: Times, limit: float) -> Times:
        log = np.log(limit / self.median) - shift
        tail = ndtr((tail_position - log) / self.tail_sigma) if self.tail else 0.0
        slow: Times = ((1 - share) * ndtr(-log / self.sigma) + share * tail).ravel()
        return slow

    def _bursts(self, rng: np.random.Generator, bursts: int, arms: int) -> list[tuple[Times, Times, Times]]:
        """Draw, for each version, the shift of all times and the tail's position and share, one row per burst."""
        shift = self.shift * autoregressive(rng, self.neighbors, bursts)
        tail_position = self.tail_log + self.tail_shift * autoregressive(rng, self.neighbors, bursts)
        share = self.tail * _factor(self.tail_share, autoregressive(rng, self.neighbors, bursts))
        return [(shift, tail_position, np.minimum(0.6, share * _factor(self.arm, rng.normal(size=(bursts, 1))))) for _ in range(arms)]

    def _times(self, rng: np.random.Generator, shift: Times, tail_position: Times, share: Times, requests: int) -> Times:
        shape = (len(shift), requests)
        noise = rng.normal(size=shape)
        logs = np.where(rng.random(shape) < share, tail_position + self.tail_sigma * noise, self.sigma * noise)
        times: Times = self.median * np.exp(shift + logs)
        return times


def autoregressive(rng: np.random.Generator, correlation: float, bursts: int) -> Times:
    """Draw standard normal numbers, one row per burst, each correlated with the previous one."""
    noise = rng.normal(size=(bursts, 1))
    scale = math.sqrt(1 - correlation**2)
    numbers: Times = lfilter([scale], [1, -correlation], noise, axis=0, zi=(1 - scale) * noise[:1])[0] if correlation else noise
    return numbers


def _factor(spread: float, normal: Times) -> Times:
    """Return lognormal factors with mean 1, one per burst."""
    factors: Times = np.exp(spread * normal - spread**2 / 2)
    return factors


LIGHT = Generator(
    "light", median=1.1, sigma=0.45, shift=0.04, tail=0.028, tail_log=1.4, tail_sigma=0.53, tail_share=0.48, tail_shift=0.45, arm=0.17
)
LOADED = Generator(
    "loaded", median=1.27, sigma=0.57, shift=0.04, tail=0.057, tail_log=1.42, tail_sigma=0.5, tail_share=0.48, tail_shift=0.65, arm=0.25
)
SCALE = Generator("scale", median=1.1, sigma=0.5, shift=0.4)
GENERATORS = (LIGHT, LOADED, SCALE)


def with_correlation(generator: Generator, correlation: float) -> Generator:
    """Return the same service with this correlation between neighboring bursts."""
    return replace(generator, name=f"{generator.name}, neighbors {correlation:g}", neighbors=correlation) if correlation else generator


CORRELATED_GENERATORS = tuple(with_correlation(generator, correlation) for generator in (LIGHT, LOADED) for correlation in (0.3, 0.6))
"""Services with correlated neighboring bursts."""


def samples_of(arms: list[Times], names: tuple[str, ...] = (BASE, HEAD), seconds: float = 2.0) -> list[BurstSample]:
    """Convert times to burst samples for the judge, without failures and delays."""
    return [
        BurstSample(
            started=burst * (seconds + 1),
            seconds=seconds,
            series=tuple(_series(times[burst], name) for times, name in zip(arms, names, strict=False)),
        )
        for burst in range(len(arms[0]))
    ]


def _series(times: Times, arm: str) -> Series:
    micros = np.rint(times * 1000).astype(np.int64)
    return Series(tags={"arm": arm}, scheduled=len(micros), sent=len(micros), response=Histogram.of(micros))
