"""A suite's objectives as data: thresholds, tolerated regressions, and the bursts to judge them from."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.slo.threshold import Threshold


@dataclass(frozen=True)
class Tolerance:
    """Tolerated slowdown of one percentile of `http_req_duration` relative to the baseline: 0.1 is 10 %.

    `quantile` (0 to 100) selects the percentile. `origin` names the file and line.
    """

    quantile: float
    max_regression: float
    origin: str = ""

    def __str__(self) -> str:
        """`p(95) at most 10 % slower`."""
        return f"p({self.quantile:g}) at most {100 * self.max_regression:.4g} % slower"


@dataclass(frozen=True)
class BurstSizes:
    """Bursts per look, and the rate (requests per second) and duration (seconds) of one; `None`: from the settings."""

    count: int | None = None
    rate: float | None = None
    duration: float | None = None


@dataclass(frozen=True)
class Objectives:
    """All objectives of a suite."""

    thresholds: tuple[Threshold, ...] = ()
    compare: tuple[Tolerance, ...] = ()
    bursts: BurstSizes = BurstSizes()

    @property
    def tightest_latency(self) -> float | None:
        """The smallest upper limit on a response time, in milliseconds; `None` without one."""
        limits = [threshold.expression.limit for threshold in self.thresholds if limits_latency(threshold)]
        return min(limits, default=None)


def limits_latency(threshold: Threshold) -> bool:
    """Whether late sending could make this threshold fail: it is an upper limit on response time."""
    return threshold.selector.metric.name == "http_req_duration" and threshold.expression.wants_less
