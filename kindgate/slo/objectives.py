"""A suite's objectives as data: thresholds, tolerated regressions, the bursts to judge them from, and those about scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kindgate.errors import SloError
from kindgate.slo.connections import ConnectionRule
from kindgate.slo.episode_objectives import EpisodeThreshold
from kindgate.slo.threshold import DEFAULT_METRIC, METRICS, MetricType, Selector, Threshold

RESPONSE_TIMES = Selector(METRICS[DEFAULT_METRIC])
"""The response times of all requests."""


@dataclass(frozen=True)
class Tolerance:
    """Tolerated change of one percentile of `selector` relative to the baseline, for the worse: 0.1 is 10 %.

    `quantile` (0 to 100) selects the percentile; a resource has only one figure per burst. `origin` names the file and line.
    With `each`, a tag such as `route`, it stands for one tolerance per value of that tag (`kindgate.slo.each`).
    """

    quantile: float
    max_regression: float
    origin: str = ""
    selector: Selector = RESPONSE_TIMES
    each: str = ""

    @property
    def statistic(self) -> str:
        """What is compared of the metric: a percentile such as `p(95)`, or the metric itself if it has one figure per burst."""
        metric = self.selector.metric
        return metric.name if metric.type is MetricType.USAGE else f"p({self.quantile:g})"

    @property
    def figure(self) -> str:
        """What is compared: `p(95)` of all response times, `p(95) of http_req_duration{route:checkout}`."""
        if self.selector.metric.type is MetricType.USAGE:
            return str(self.selector)
        of = "" if self.selector == RESPONSE_TIMES else f" of {self.selector}"
        return f"{self.statistic}{of}{f' of each {self.each}' if self.each else ''}"

    def __str__(self) -> str:
        """`p(95) at most 10 % slower`."""
        return f"{self.figure} at most {100 * self.max_regression:.4g} % {self.selector.metric.change_words[0]}"


@dataclass(frozen=True)
class BurstSizes:
    """Bursts per look, and the rate (requests per second) and duration (seconds) of one; `None`: from the settings."""

    count: int | None = None
    rate: float | None = None
    duration: float | None = None


@dataclass(frozen=True)
class AnswersObjective:
    """How the answers of both versions are compared: with `same`, a changed answer is a FAIL; otherwise it is only reported.

    `requests` are sent per route. `headers`, in lowercase, must be equal too, besides the content type. `origin` names the
    file and line.
    """

    same: bool = False
    headers: tuple[str, ...] = ()
    requests: int = 10
    origin: str = ""

    def __str__(self) -> str:
        """`answers: same`, with what differs from the defaults."""
        parts = [f"answers: {'same' if self.same else 'report'}"]
        parts += [f"headers {', '.join(self.headers)}"] if self.headers else []
        return ", ".join([*parts, f"{self.requests} requests per route"])


@dataclass(frozen=True)
class CapacityObjective:
    """A required capacity: the thresholds `within` must be met at a higher rate of arrivals than the limit of `threshold`."""

    threshold: Threshold
    within: tuple[Threshold, ...]

    def __post_init__(self) -> None:
        """Reject a capacity that nothing limits."""
        if not self.threshold.selector.metric.is_capacity:
            raise SloError(f"{self.threshold} is not about a capacity")
        if not self.within:
            raise SloError(
                f"{self.threshold.origin or 'objective'}: {self.threshold}: {NOTHING_WITHIN}",
                next_step='add http_req_duration: ["p(95)<200"]',
            )

    @property
    def rate(self) -> float:
        """The rate at which it is decided, in requests and journeys per second."""
        return self.threshold.expression.limit


NOTHING_WITHIN = "the capacity is the highest rate at which objectives about times and failures are met, but there is none"


@dataclass(frozen=True)
class Objectives:
    """All objectives of a suite; without `answers`, changed answers are reported for a workload, and otherwise not looked for.

    `scenarios` are those written in the file: `thresholds_for` selects those of an action, or the default. `within` are the
    thresholds that limit a capacity, if none of `thresholds` does. `policy` are the rules about connections.
    """

    thresholds: tuple[Threshold, ...] = ()
    compare: tuple[Tolerance, ...] = ()
    bursts: BurstSizes = BurstSizes()
    answers: AnswersObjective | None = None
    scenarios: tuple[EpisodeThreshold, ...] = ()
    within: tuple[Threshold, ...] = ()
    policy: tuple[ConnectionRule, ...] = ()

    @property
    def steady(self) -> tuple[Threshold, ...]:
        """The thresholds that are judged at the planned rate: all but capacities."""
        return tuple(one for one in self.thresholds if not one.selector.metric.is_capacity)

    @property
    def capacities(self) -> tuple[CapacityObjective, ...]:
        """The required capacities; raises `SloError` if no threshold limits them."""
        within = limiting(self.thresholds) or limiting(self.within)
        return tuple(CapacityObjective(one, within) for one in self.thresholds if one.selector.metric.is_capacity)

    @property
    def tightest_latency(self) -> float | None:
        """The smallest upper limit on a response time, in milliseconds; `None` without one."""
        limits = [threshold.expression.limit for threshold in self.thresholds if limits_latency(threshold)]
        return min(limits, default=None)


def limits_latency(threshold: Threshold) -> bool:
    """Whether late sending could make this threshold fail: it is an upper limit on response time."""
    return threshold.selector.metric.name == "http_req_duration" and threshold.expression.wants_less


def limiting(thresholds: Iterable[Threshold]) -> tuple[Threshold, ...]:
    """The thresholds that limit a capacity: those about times and shares of requests or journeys; none of them ends the run."""
    kinds = {MetricType.TREND, MetricType.RATE}
    chosen = (one for one in thresholds if one.selector.metric.type in kinds and one.selector.metric.tagged)
    return tuple(replace(one, abort_on_fail=False, delay_abort_eval=0.0) for one in chosen)
