"""Thresholds as data, in k6's terms: metrics, expressions, and the kinds of failed requests that the tag `kind` names."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class MetricType(enum.StrEnum):
    """k6's metric types, and `USAGE`: resources that the application used, one figure per burst."""

    TREND = "trend"
    RATE = "rate"
    COUNTER = "counter"
    GAUGE = "gauge"
    USAGE = "usage"


@dataclass(frozen=True)
class Metric:
    """A metric that can be judged. `unit` is the unit of limits; `tagged`: measured per route and host.

    `per_journey`: measured per run of a journey, which k6 calls an iteration, instead of per request.
    """

    name: str
    type: MetricType
    unit: str
    tagged: bool = True
    per_journey: bool = False

    @property
    def noun(self) -> str:
        """The thing that it measures."""
        return "journey" if self.per_journey else "request"

    @property
    def is_capacity(self) -> bool:
        """Whether it is found by a search over rates, and not measured at the planned one."""
        return self.type is MetricType.GAUGE

    @property
    def comparable(self) -> bool:
        """Whether two versions can be compared by it: times of requests and journeys, and resources, but not the generator's."""
        return self.type in {MetricType.TREND, MetricType.USAGE} and self.tagged

    @property
    def change_words(self) -> tuple[str, str]:
        """What a larger and a smaller value is called in a comparison."""
        return ("more", "less") if self.type is MetricType.USAGE else ("slower", "faster")


@dataclass(frozen=True)
class Selector:
    """A metric, or its part with all of `tags`."""

    metric: Metric
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def tag_map(self) -> dict[str, str]:
        """The tags by key."""
        return dict(self.tags)

    def with_tag(self, key: str, value: str) -> Selector:
        """The part of it with one more tag, which replaces a tag of the same key."""
        return Selector(self.metric, tuple(sorted({**self.tag_map, key: value}.items())))

    def __str__(self) -> str:
        """In k6's notation."""
        return selector_text(self.metric.name, self.tag_map)


def selector_text(metric: str, tags: Mapping[str, str]) -> str:
    """The name of a metric with tags in k6's notation."""
    pairs = ",".join(f"{key}:{value}" for key, value in sorted(tags.items()))
    return f"{metric}{{{pairs}}}" if pairs else metric


@dataclass(frozen=True)
class Expression:
    """`aggregation operator limit`; `quantile` (0 to 100) belongs to `p(N)`."""

    aggregation: str
    operator: str
    limit: float
    quantile: float | None = None

    @property
    def wants_less(self) -> bool:
        """Whether small values are good: `<` and `<=`."""
        return self.operator in {"<", "<="}

    @property
    def compares_equal(self) -> bool:
        """Whether it requires one exact value, or excludes one."""
        return self.operator in {"==", "===", "!="}

    @property
    def aggregate(self) -> str:
        """The left side: `p(95)`, `avg`."""
        return f"p({self.quantile:g})" if self.aggregation == PERCENTILE else self.aggregation

    def holds(self, value: float) -> bool:
        """Whether `value`, in the unit of the limit, satisfies it."""
        return {
            "<": value < self.limit,
            "<=": value <= self.limit,
            ">": value > self.limit,
            ">=": value >= self.limit,
            "!=": value != self.limit,
        }.get(self.operator, value == self.limit)

    def __str__(self) -> str:
        """Without spaces, as in k6's examples."""
        return f"{self.aggregate}{self.operator}{self.limit:.12g}"


@dataclass(frozen=True)
class Threshold:
    """One objective. `origin` names its file and line, option or marker.

    With `abort_on_fail`, a FAIL ends the run once `delay_abort_eval` seconds have passed.
    """

    selector: Selector
    expression: Expression
    abort_on_fail: bool = False
    delay_abort_eval: float = 0.0
    origin: str = ""

    def __str__(self) -> str:
        """Metric and expression: `http_req_duration{host:foo.localhost}: p(95)<200`."""
        return f"{self.selector}: {self.expression}"


PERCENTILE = "p"
"""The aggregation `p(N)`."""

AGGREGATIONS: Mapping[MetricType, tuple[str, ...]] = {
    MetricType.TREND: ("avg", "min", "max", "med", PERCENTILE),
    MetricType.RATE: ("rate",),
    MetricType.COUNTER: ("count", "rate"),
    MetricType.GAUGE: ("value",),
    MetricType.USAGE: ("avg", "max"),
}
"""The aggregations that apply to each type of metric."""

OPERATORS = ("===", "==", "!=", "<=", ">=", "<", ">")
"""k6's operators; an operator comes before its own prefixes."""

JOURNEY_METRIC = "iteration_duration"
"""The time from the intended start of a journey to the end of its last step."""

CAPACITY = "capacity"
"""The highest rate of arrivals at which the other objectives are met."""

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("http_req_duration", MetricType.TREND, "ms"),
        Metric("http_req_waiting", MetricType.TREND, "ms"),
        Metric("service_time", MetricType.TREND, "ms"),
        Metric("send_lag", MetricType.TREND, "ms", tagged=False),
        Metric("http_req_failed", MetricType.RATE, ""),
        Metric("checks", MetricType.RATE, ""),
        Metric("http_reqs", MetricType.COUNTER, ""),
        Metric("dropped_iterations", MetricType.COUNTER, ""),
        Metric(JOURNEY_METRIC, MetricType.TREND, "ms", per_journey=True),
        Metric("iterations", MetricType.COUNTER, "", per_journey=True),
        Metric("cpu_per_request", MetricType.USAGE, "ms"),
        Metric("memory", MetricType.USAGE, "MiB"),
        Metric(CAPACITY, MetricType.GAUGE, "/s", tagged=False),
    )
}
"""Every metric by name, with k6's name if it has one; `http_req_duration` is response time from the intended time."""

DEFAULT_METRIC = "http_req_duration"
"""The metric of an expression without one."""

UNSENT = "unsent"
"""A request never sent because no slot became free."""

NETWORK_KINDS = frozenset({"connect", "dns", "tls", "reset", "retried"})
"""The kinds included in the tag `kind:network`."""

WRONG_RESPONSES = frozenset({"http", "check"})
"""Failures of requests that got a response, by status or body: no lack of CPU time explains them."""

FAILURE_KINDS = frozenset({"http", "timeout", "check", "unanswered", UNSENT}) | NETWORK_KINDS
"""Every kind counted in a series of requests."""
