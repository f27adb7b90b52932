"""Objectives about episodes as data: thresholds on lost requests, outages and recovery, per scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kindgate.errors import SloError
from kindgate.slo.threshold import AGGREGATIONS, Expression, MetricType, selector_text

SCENARIOS = ("rollout", "chaos", "scaling", "canary")
"""The scenarios whose episodes have objectives, by the names of their markers."""

ACTION_TAG = "action"
"""The tag that selects the episodes of one action, such as `restart`."""

_TIME = AGGREGATIONS[MetricType.TREND]


@dataclass(frozen=True)
class EpisodeMetric:
    """A metric of episodes. `unit` is the unit of limits, `tags` select parts of it, besides `action`.

    Aggregations of a time are over repeated episodes: each has one figure. With `only`, it is about episodes of this scenario
    and action alone.
    """

    name: str
    unit: str
    aggregations: tuple[str, ...]
    tags: tuple[str, ...] = ()
    only: tuple[str, str] | None = None

    @property
    def is_time(self) -> bool:
        """Whether it is a time in milliseconds."""
        return self.unit == "ms"

    def is_about(self, scenario: str, action: str) -> bool:
        """Whether episodes of this action have the figure."""
        return self.only in {None, (scenario, action)}


LOST, ERROR_BUDGET, RECOVERY, P95 = "lost", "error_budget", "recovery", "p95"
FIRST_SUCCESS, OUTAGE, SCALE_OUT_TIME = "first_success", "outage", "scale_out"

SCALING, SCALE_OUT, SCALE_IN = "scaling", "scale-out", "scale-in"
"""The scenario in which the number of pods follows the load, and its actions."""

SCALE_OUT_SECONDS = 120.0
"""Seconds from the beginning of a ramp within which a new pod must be ready, unless an objective states another limit."""

EPISODE_METRICS: Mapping[str, EpisodeMetric] = {
    metric.name: metric
    for metric in (
        EpisodeMetric(LOST, "", ("count", "rate"), ("route", "phase", "kind")),
        EpisodeMetric(ERROR_BUDGET, "", ("rate",)),
        EpisodeMetric(FIRST_SUCCESS, "ms", _TIME),
        EpisodeMetric(OUTAGE, "ms", _TIME, ("route",)),
        EpisodeMetric(RECOVERY, "ms", _TIME),
        EpisodeMetric(P95, "ms", _TIME, ("phase",)),
        EpisodeMetric(SCALE_OUT_TIME, "ms", _TIME, only=(SCALING, SCALE_OUT)),
    )
}
"""Every metric of episodes by name."""

TAG_VALUES: Mapping[str, tuple[str, ...]] = {
    "phase": ("before", "during", "recovery", "after"),
    "kind": ("failed", "unanswered", "sent_twice"),
}
"""The possible values of tags that are not names: phases, and kinds of lost requests (the fields of `Requests`)."""


@dataclass(frozen=True)
class EpisodeThreshold:
    """One objective about the episodes of `scenario`. `origin` names its file and line.

    `allowed` is the share of failed requests that the suite's objective for `http_req_failed` allows; only `error_budget`
    uses it.
    """

    scenario: str
    metric: EpisodeMetric
    expression: Expression
    tags: tuple[tuple[str, str], ...] = ()
    allowed: float | None = None
    origin: str = ""

    @property
    def tag_map(self) -> dict[str, str]:
        """The tags by key."""
        return dict(self.tags)

    @property
    def selector(self) -> str:
        """The metric with its tags, in k6's notation."""
        return selector_text(self.metric.name, self.tag_map)

    @property
    def part(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What it is about within an episode: the metric, and the tags other than `action`."""
        return self.metric.name, tuple(tag for tag in self.tags if tag[0] != ACTION_TAG)

    def __str__(self) -> str:
        """`rollout: lost: count==0`."""
        return f"{self.scenario}: {self.selector}: {self.expression}"


def tag_problem(metric: EpisodeMetric, key: str, value: str) -> tuple[str, str]:
    """Why a tag does not apply to `metric`, and what to do; empty if it does."""
    if key not in (*metric.tags, ACTION_TAG):
        return f"{metric.name} has no tag {key}", f"tags of {metric.name}: {', '.join((*metric.tags, ACTION_TAG))}"
    if key in TAG_VALUES and value not in TAG_VALUES[key]:
        return f"unknown {key} {value!r}", f"use one of {', '.join(TAG_VALUES[key])}"
    return "", ""


def tags_problem(metric: EpisodeMetric, tags: Mapping[str, str]) -> tuple[str, str]:
    """Why tags that apply to `metric` one by one do not apply together, and what to do; empty if they do."""
    if "route" in tags and "phase" in tags:
        return "requests are counted per route and per phase, not both", "leave out one of the tags"
    if metric.name == P95 and "phase" not in tags:
        return "p95 is measured per phase", "add the tag phase, as in p95{phase:during}"
    return "", ""


def default_threshold(scenario: str, action: str) -> EpisodeThreshold:
    """The objective of an action for which none is written: no request is lost, and after a ramp a new pod is ready in time."""
    if (scenario, action) == (SCALING, SCALE_OUT):
        in_time = Expression("max", "<", 1000 * SCALE_OUT_SECONDS)
        return EpisodeThreshold(scenario, EPISODE_METRICS[SCALE_OUT_TIME], in_time, origin="the default")
    return EpisodeThreshold(scenario, EPISODE_METRICS[LOST], Expression("count", "==", 0.0), origin="the default")


def thresholds_for(thresholds: Iterable[EpisodeThreshold], scenario: str, action: str) -> tuple[EpisodeThreshold, ...]:
    """The objectives of an action's episodes: those written for the scenario, or the default.

    One with the tag `action` replaces those about the same part of an episode without it: a drained node may lose more
    requests than a killed pod.
    """
    written = [
        one
        for one in thresholds
        if one.scenario == scenario and one.tag_map.get(ACTION_TAG, action) == action and one.metric.is_about(scenario, action)
    ]
    special = {one.part for one in written if ACTION_TAG in one.tag_map}
    return tuple(one for one in written if ACTION_TAG in one.tag_map or one.part not in special) or (default_threshold(scenario, action),)


def refuse_unknown_routes(thresholds: Iterable[EpisodeThreshold], routes: Iterable[str]) -> None:
    """Raise `SloError` for an objective about a route that is not sent; `routes` are those that are."""
    known = sorted(set(routes))
    for threshold in thresholds:
        if "route" in threshold.tag_map and threshold.tag_map["route"] not in known:
            raise SloError(
                f"{threshold.origin or 'scenarios'}: {threshold}: no request has this route",
                next_step=f"routes that are sent: {', '.join(known) or 'none'}",
            )


def tightest_time(thresholds: Sequence[EpisodeThreshold]) -> float | None:
    """The smallest upper limit on a time, in milliseconds; None without one."""
    return min((one.expression.limit for one in thresholds if one.metric.is_time and one.expression.wants_less), default=None)
