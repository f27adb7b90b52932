"""Recorded bursts of two equal versions on a real cluster: their file format, and resampling of runs from them.

The file is JSON: `{"format": 1, "rate": 500.0, "bursts": [{"seconds": 2.0, "base": {"times": "...", "lost": 0},
"head": {...}}, ...]}`. `times` is the exact histogram of response times as `kindgate.histogram` writes it, `lost`
counts requests that failed or were never sent.

Runs are resampled as blocks of neighboring bursts, because neighbors are correlated: the stationary bootstrap of Politis
and Romano (1994), J. Am. Stat. Assoc. 89:1303-1313. Blocks of geometric length begin anywhere in the recording, whose last
burst is followed by its first. Results are conditional on the recording: they show how a rule performs on these bursts,
not on machines that were not recorded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kindgate.histogram import Histogram
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.sample import BurstSample, Series

FORMAT = 1

RECORDING = Path(__file__).with_name("recorded.json")
"""The recording of an otherwise idle machine."""

BUSY_RECORDING = Path(__file__).with_name("recorded-busy.json")
"""290 bursts of 17 comparisons, nearly all of them while other programs kept both cores busy; no more are added."""

LEAST_BURSTS = 300
"""Minimum number of bursts in a recording, so runs of 30 drawn from it differ enough."""

MEAN_BLOCK = 30.0
"""Mean number of bursts in a block: as many as a full comparison has."""

CONTIGUOUS = math.inf
"""The mean block that makes every run one unbroken stretch of the recording."""

ONE_BY_ONE = 1.0
"""The mean block that draws every burst independently, as if bursts were uncorrelated."""


@dataclass(frozen=True)
class Counts:
    """For each burst, the number of bad requests (too slow, or without an answer) and of all requests."""

    bad: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def run(self, rng: np.random.Generator, bursts: int, mean_block: float = MEAN_BLOCK) -> Counts:
        """Draw `bursts` bursts as blocks of neighbors."""
        indexes = stationary(rng, len(self.bad), bursts, mean_block)
        return Counts(self.bad[indexes], self.sizes[indexes])


@dataclass(frozen=True)
class Recording:
    """Real bursts, each with both versions; `rate` in requests per second over both."""

    rate: float
    bursts: tuple[BurstSample, ...]

    def run(self, rng: np.random.Generator, bursts: int, slower: float = 1.0) -> list[BurstSample]:
        """Draw `bursts` bursts as blocks of neighbors, with the pull request's times multiplied by `slower`.

        The deployments are equal, so which one acts as the base is also drawn, once for the whole run.
        """
        names = {BASE: BASE, HEAD: HEAD} if rng.integers(2) else {BASE: HEAD, HEAD: BASE}
        return [_with_arms(self.bursts[index], names, slower) for index in stationary(rng, len(self.bursts), bursts)]

    def counts(self, quantile: float, share: float = 1.0) -> Counts:
        """Count each burst's bad requests over both deployments; the limit is the true percentile divided by `share`.

        The true percentile is that of all recorded requests.
        """
        times = [Histogram.merged(part.response for part in burst.series) for burst in self.bursts]
        limit = Histogram.merged(times).percentile(quantile) / share
        sizes = [sum(part.scheduled for part in burst.series) for burst in self.bursts]
        bad = [time.above(limit) + size - time.count for time, size in zip(times, sizes, strict=True)]
        return Counts(np.array(bad), np.array(sizes))


def read_recording(path: Path, least: int = LEAST_BURSTS) -> Recording:
    """Read a recording. Raises `ValueError` for another format, and for fewer than `least` bursts."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("format") != FORMAT:
        raise ValueError(f"{path} has format {content.get('format')!r}, and {FORMAT} is read")
    bursts = tuple(_decoded(index, burst) for index, burst in enumerate(content["bursts"]))
    if len(bursts) < least:
        raise ValueError(f"{path} holds {len(bursts)} bursts, and {least} are needed")
    return Recording(float(content["rate"]), bursts)


def write_recording(path: Path, rate: float, bursts: Sequence[BurstSample]) -> None:
    """Write the bursts of a duet run; each must have the arms `base` and `head`."""
    encoded = [{"seconds": burst.seconds, **{arm: _encoded(burst, arm) for arm in (BASE, HEAD)}} for burst in bursts]
    path.write_text(json.dumps({"format": FORMAT, "rate": rate, "bursts": encoded}), encoding="utf-8")


def stationary(rng: np.random.Generator, recorded: int, bursts: int, mean_block: float = MEAN_BLOCK) -> NDArray[np.int64]:
    """Draw positions, from 0, for one run of `bursts` bursts in order of time, from a recording of `recorded` bursts.

    Each burst begins a new block with probability 1 / `mean_block`; otherwise it is the next recorded one. Raises
    `ValueError` for an empty recording, and for blocks of less than one burst.
    """
    if recorded < 1 or mean_block < 1:
        raise ValueError(f"blocks of {mean_block:g} bursts cannot be drawn from {recorded} bursts")
    position = np.arange(bursts)
    starts = rng.integers(0, recorded, bursts)
    begins = rng.random(bursts) < 1 / mean_block
    begin = np.maximum.accumulate(np.where(begins, position, 0))
    drawn: NDArray[np.int64] = (starts[begin] + position - begin) % recorded
    return drawn


def _encoded(burst: BurstSample, arm: str) -> dict[str, Any]:
    series = burst.matching({"arm": arm})
    times = Histogram.merged(part.response for part in series)
    return {"times": times.to_text(), "lost": sum(part.scheduled for part in series) - times.count}


def _decoded(index: int, burst: dict[str, Any]) -> BurstSample:
    series = []
    for arm in (BASE, HEAD):
        times, lost = Histogram.from_text(burst[arm]["times"]), int(burst[arm]["lost"])
        series.append(Series(tags={"arm": arm}, scheduled=times.count + lost, sent=times.count + lost, response=times))
    return BurstSample(float(index), float(burst["seconds"]), tuple(series))


def _with_arms(burst: BurstSample, names: Mapping[str, str], slower: float) -> BurstSample:
    series = []
    for part in burst.series:
        arm = names[part.tags["arm"]]
        times = _multiplied(part.response, slower) if arm == HEAD and slower != 1.0 else part.response
        series.append(Series({"arm": arm}, part.scheduled, part.sent, times))
    return BurstSample(burst.started, burst.seconds, tuple(series))


def _multiplied(times: Histogram, factor: float) -> Histogram:
    values = np.repeat(np.rint(times.values * factor).astype(np.int64), times.counts)
    return Histogram.of(values)
