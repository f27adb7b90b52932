"""The section `scenarios:` of `slo.yaml`: objectives about what the application survives, per scenario.

```yaml
scenarios:
  rollout:
    lost: ["count==0"]                     # requests of the whole episode
    lost{route:search}: ["rate<0.001"]     # share of one route's requests
    outage: ["max<500"]                    # milliseconds
    first_success: ["max<500"]
    recovery: ["max<10000"]
    p95{phase:during}: ["max<800"]
    error_budget: ["rate<0.5"]             # of the failures that http_req_failed allows
  chaos:
    lost: ["count==0"]
    lost{action:drain}: ["count<50"]       # replaces the one above for this action
  scaling:
    scale_out: ["max<60000"]               # milliseconds until a new pod is ready, from the beginning of the ramp
    lost{action:scale-in}: ["count==0"]
```
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import yaml

from kindgate.slo.episode_objectives import (
    ACTION_TAG,
    EPISODE_METRICS,
    ERROR_BUDGET,
    SCENARIOS,
    EpisodeMetric,
    EpisodeThreshold,
    tag_problem,
    tags_problem,
)
from kindgate.slo.grammar import parse_expression, refuse_aggregation, split_selector, split_tag
from kindgate.slo.policy_section import POLICY
from kindgate.slo.threshold import Threshold
from kindgate.source_location import Source
from kindgate.yaml_document import YamlDocument

SCENARIO_OBJECTIVES_LIMIT = 100
"""Maximum number of objectives about scenarios in a document."""

LARGEST_LIMIT = 1e15
"""Maximum size of a limit: infinity and NaN decide nothing, and no report can hold them."""


def read_scenarios(document: YamlDocument, node: yaml.Node, thresholds: Sequence[Threshold]) -> tuple[EpisodeThreshold, ...]:
    """The objectives in `node`; `thresholds` are the document's other ones. Raises `SloError`, pointing at the bad part."""
    found: list[EpisodeThreshold] = []
    for key, value in document.pairs(node, "scenarios"):
        name = document.source(key)
        if name.text == POLICY:
            continue  # its rules are read by `read_policy`
        if name.text not in SCENARIOS:
            raise name.error(f"unknown scenario {name.text!r}", next_step=f"known scenarios: {', '.join((*SCENARIOS, POLICY))}")
        reader = _Scenario(document, name.text, allowed_failures(thresholds))
        found += reader.thresholds(value)
        if len(found) > SCENARIO_OBJECTIVES_LIMIT:
            raise name.error(f"more than {SCENARIO_OBJECTIVES_LIMIT} objectives about scenarios")
    return tuple(found)


def allowed_failures(thresholds: Iterable[Threshold]) -> float | None:
    """The share of failed requests that the objectives allow for all requests together; None without such an objective."""
    limits = [
        one.expression.limit
        for one in thresholds
        if one.selector.metric.name == "http_req_failed" and not one.selector.tags and one.expression.wants_less
    ]
    return min((limit for limit in limits if 0 < limit < 1), default=None)


class _Scenario:
    """Reader for the objectives of one scenario."""

    def __init__(self, document: YamlDocument, name: str, allowed: float | None) -> None:
        self._document = document
        self._name = name
        self._allowed = allowed

    def thresholds(self, node: yaml.Node) -> list[EpisodeThreshold]:
        """All objectives of the scenario, at least one."""
        pairs = self._document.pairs(node, self._name)
        if not pairs:
            raise self._document.source(node).error("no objective found", 0, 1, next_step='add one, as in lost: ["count==0"]')
        return [one for key, value in pairs for one in self._of_selector(self._document.source(key), value)]

    def _of_selector(self, selector: Source, node: yaml.Node) -> list[EpisodeThreshold]:
        metric, tags = _parse_selector(selector)
        if metric.only is not None:
            scenario, action = metric.only
            if (self._name, dict(tags).get(ACTION_TAG, action)) != metric.only:
                raise selector.error(
                    f"{metric.name} is a figure of {scenario} {action}", next_step=f"write it under {scenario}:, without a tag"
                )
        if metric.name == ERROR_BUDGET and self._allowed is None:
            raise selector.error(
                "the error budget is unknown", next_step='state it under thresholds: for all requests, as in http_req_failed: ["rate<0.01"]'
            )
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self._document.source(node).error("objectives must be a list", 0, 1, next_step='use a list, as in ["count==0"]')
        allowed = self._allowed if metric.name == ERROR_BUDGET else None
        return [self._threshold(metric, tags, allowed, self._document.scalar(item, "an expression")) for item in node.value]

    def _threshold(
        self, metric: EpisodeMetric, tags: tuple[tuple[str, str], ...], allowed: float | None, source: Source
    ) -> EpisodeThreshold:
        expression = parse_expression(source)
        refuse_aggregation(source, expression, metric.name, metric.aggregations)
        if not abs(expression.limit) <= LARGEST_LIMIT:
            raise source.error(f"the limit must be a number up to {LARGEST_LIMIT:g}")
        return EpisodeThreshold(self._name, metric, expression, tags, allowed, source.position)


def _parse_selector(source: Source) -> tuple[EpisodeMetric, tuple[tuple[str, str], ...]]:
    """The metric and the tags of `lost{route:search}`."""
    name, parts = split_selector(source)
    metric = EPISODE_METRICS.get(name.text)
    if metric is None:
        raise name.error(f"unknown metric {name.text!r} of a scenario", next_step=f"known metrics: {', '.join(EPISODE_METRICS)}")
    tags = dict(_tag(part, metric) for part in parts)
    problem, next_step = tags_problem(metric, tags)
    if problem:
        raise source.error(problem, next_step=next_step)
    return metric, tuple(sorted(tags.items()))


def _tag(source: Source, metric: EpisodeMetric) -> tuple[str, str]:
    key, value = split_tag(source)
    problem, next_step = tag_problem(metric, key, value)
    if problem:
        raise source.error(problem, next_step=next_step)
    return key, value
