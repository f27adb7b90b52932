"""Health of the load generator and its machine as a few figures, for bursts and for episodes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kindgate.histogram import Histogram
from kindgate.slo.sample import BurstSample


@dataclass(frozen=True)
class LoadHealth:
    """Health of the generator and its machine; unknown figures are None.

    `lag` is the 99th percentile of the generator's delay in milliseconds, `punctual` the share of the schedule that it sent
    on time. `cpu_share` is of one core, for the busiest generator process; `steal` of the machine's CPU time. `missing` is the
    share of the planned load whose generator was lost.
    """

    lag: float | None = None
    punctual: float | None = None
    cpu_share: float | None = None
    steal: float | None = None
    missing: float = 0.0

    @classmethod
    def of(cls, samples: Sequence[BurstSample]) -> LoadHealth:
        """The health over all of `samples`; shares of CPU time are averages over time."""
        lag = Histogram.merged(sample.health.loop_lag for sample in samples)
        scheduled = sum(sample.health.scheduled for sample in samples)
        return cls(
            lag=lag.percentile(99) / 1000 if lag.count else None,
            punctual=sum(sample.health.punctual for sample in samples) / scheduled if scheduled else None,
            cpu_share=weighted_average((sample.health.cpu_share, sample.seconds) for sample in samples),
            steal=weighted_average((sample.health.steal, sample.seconds) for sample in samples),
            missing=max((sample.health.missing for sample in samples), default=0.0),
        )


UNKNOWN_HEALTH = LoadHealth()


def weighted_average(weighted: Iterable[tuple[float | None, float]]) -> float | None:
    """The average of the known values, each with its weight; None without any."""
    known = [(value, weight) for value, weight in weighted if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
