"""The section `compare:` of `slo.yaml`: tolerated regressions of percentiles, of all requests, of a selector, or of each route.

```yaml
compare:
  each: route                                    # p(95) of every route
  p(95): {max_regression: 15%}
  http_req_duration{route:checkout}:             # one route's own tolerance
    p(99): {max_regression: 30%}
  iteration_duration{journey:buy}:
    med: {max_regression: 10%}
  cpu_per_request: {max_regression: 5%}          # of all workloads
  memory{workload:shop}: {max_regression: 20%}
```

The key `answers` is left to `kindgate.slo.answers_section`.
"""

from __future__ import annotations

import re
from dataclasses import replace

import yaml

from kindgate.slo.answers_section import ANSWERS
from kindgate.slo.each import EACH_TAGS, TOLERANCES_LIMIT
from kindgate.slo.grammar import parse_expression, parse_selector
from kindgate.slo.objectives import RESPONSE_TIMES, Tolerance
from kindgate.slo.threshold import JOURNEY_METRIC, METRICS, PERCENTILE, MetricType, Selector
from kindgate.source_location import Source
from kindgate.yaml_document import YamlDocument


def read_tolerances(document: YamlDocument, node: yaml.Node) -> tuple[Tolerance, ...]:
    """The tolerances in `node`. Raises `SloError`, pointing at the bad part."""
    section = _Section(document)
    percentiles: list[tuple[yaml.Node, yaml.Node]] = []
    tolerances: list[Tolerance] = []
    for key, value in document.pairs(node, "compare"):
        if document.source(key).text == ANSWERS:
            continue
        if _is_selector(document.source(key).text):
            selector = _comparable(document.source(key))
            if selector.metric.type is MetricType.USAGE:
                tolerances.append(section.usage(key, value, selector))
            else:
                tolerances += section.tolerances(document.pairs(value, str(selector)), selector, document.source(key))
        else:
            percentiles.append((key, value))
    tolerances[:0] = section.tolerances(percentiles, None, document.source(node)) if percentiles else ()
    if not tolerances:
        raise document.source(node).error("no percentile to compare", 0, 1, next_step="add one, as in p(95): {max_regression: 10%}")
    if len(tolerances) > TOLERANCES_LIMIT:
        raise document.source(node).error(f"more than {TOLERANCES_LIMIT} comparisons", 0, 1, next_step="compare fewer figures")
    return tuple(tolerances)


class _Section:
    """Readers for the mappings of percentiles to tolerances in one document."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document

    def tolerances(self, pairs: list[tuple[yaml.Node, yaml.Node]], selector: Selector | None, source: Source) -> list[Tolerance]:
        """The tolerances of one selector; without one, those of all response times or, with `each: journey`, of all journeys."""
        each, percentiles = "", []
        for key, value in pairs:
            if self._document.source(key).text == "each":
                each = self._each(value, selector)
            else:
                percentiles.append((key, value))
        if not percentiles:
            raise source.error("no percentile to compare", 0, 1, next_step="add one, as in p(95): {max_regression: 10%}")
        default = Selector(METRICS[JOURNEY_METRIC]) if each == "journey" else RESPONSE_TIMES
        return [self._tolerance(key, value, selector or default, each) for key, value in percentiles]

    def usage(self, key: yaml.Node, value: yaml.Node, selector: Selector) -> Tolerance:
        """The tolerance of a resource, which has one figure per burst."""
        return Tolerance(50.0, self._max_regression(value, str(selector)), self._document.source(key).position, selector)

    def _each(self, node: yaml.Node, selector: Selector | None) -> str:
        name = self._document.scalar(node, "a tag")
        if name.text not in EACH_TAGS:
            raise name.error(f"{name.text!r} is not a tag of each", next_step=f"use one of {', '.join(EACH_TAGS)}")
        if selector is not None and name.text in selector.tag_map:
            raise name.error(f"{selector} already selects one {name.text}", next_step="leave out each, or the tag")
        if selector is not None and selector.metric.per_journey and name.text != "journey":
            raise name.error(f"{selector.metric.name} is measured per journey", next_step="use each: journey")
        return name.text

    def _tolerance(self, key: yaml.Node, value: yaml.Node, selector: Selector, each: str) -> Tolerance:
        name = self._document.source(key)
        quantile = 50.0 if name.text == "med" else _percentile(name)
        return Tolerance(quantile, self._max_regression(value, name.text), name.position, selector, each)

    def _max_regression(self, value: yaml.Node, what: str) -> float:
        """The tolerated change as a share."""
        parts = self._document.mapping(value, ("max_regression",), what)
        if "max_regression" not in parts:
            raise self._document.source(value).error("max_regression is missing", 0, 1, next_step="write {max_regression: 10%}")
        share = self._document.scalar(parts["max_regression"], "a share")
        percentage = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%", share.text)
        if percentage is None or not 0 < float(percentage.group(1)) <= 1000:
            raise share.error(f"{share.text!r} is not a percentage above 0 %", next_step="use a percentage such as 10%")
        return float(percentage.group(1)) / 100


def _is_selector(text: str) -> bool:
    return "{" in text or text in METRICS


def _comparable(source: Source) -> Selector:
    """The selector of times in `source`, without the tag that the comparison itself sets."""
    selector = parse_selector(source)
    if not selector.metric.comparable:
        known = ", ".join(metric.name for metric in METRICS.values() if metric.comparable)
        raise source.error(f"{selector.metric.name} cannot be compared", next_step=f"comparable metrics: {known}")
    if "arm" in selector.tag_map:
        raise source.error("the tag arm names the two versions that are compared", next_step="leave it out")
    return selector


def _percentile(name: Source) -> float:
    """The rank of `p(N)`; 0 and 100 are rejected because a single request decides them."""
    expression = parse_expression(replace(name, text=f"{name.text}<1")) if re.fullmatch(r"p\([0-9.]+\)", name.text) else None
    if expression is None or expression.aggregation != PERCENTILE or not 0 < (expression.quantile or 0) < 100:
        raise name.error(f"{name.text!r} cannot be compared", next_step="compare a percentile such as p(95), or med")
    return expression.quantile or 0.0
