"""`slo.yaml`: thresholds in the form of k6's options, tolerated regressions, burst sizes, and objectives about scenarios.

```yaml
thresholds:
  http_req_duration: ["p(95)<200", "p(99)<500"]
  http_req_duration{host:foo.localhost}:
    - {threshold: "p(95)<150", abortOnFail: true, delayAbortEval: 10s}
compare:
  p(95): {max_regression: 10%}
  http_req_duration{route:checkout}: {p(95): {max_regression: 15%}}
  answers: same
bursts: {count: 25, rate: 300, duration: 2s}
scenarios:
  rollout: {lost: ["count==0"]}
  policy: {deny: ["stranger -> *"]}
```

The key `workload` is left to `kindgate.workload`, which reads the same file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import yaml

from kindgate.duration import EXAMPLES, duration_seconds
from kindgate.slo.answers_section import read_answers
from kindgate.slo.compare_section import read_tolerances
from kindgate.slo.grammar import THRESHOLD_KEYS, parse_threshold, read_delay, read_switch
from kindgate.slo.objectives import NOTHING_WITHIN, BurstSizes, Objectives, limiting
from kindgate.slo.policy_section import read_policy
from kindgate.slo.scenarios_section import read_scenarios
from kindgate.slo.threshold import CAPACITY, Threshold
from kindgate.source_location import Source
from kindgate.yaml_document import DocumentLimits, YamlDocument

LIMITS = DocumentLimits(characters=64 * 1024, depth=24, events=10_000)
"""500 thresholds in their longest form have half as many events; the body of a request is the deepest part."""

OBJECTIVES_LIMIT = 500
"""Maximum number of thresholds of a document; a report cannot show more."""

MAX_BURSTS = 200
"""Maximum number of bursts of a look."""


def parse_document(text: str, file: str = "slo.yaml") -> Objectives:
    """Parse the objectives in `text`; `file` is its name in errors.

    Raises `SloError` with file, line and column for anything that is not understood, including unknown keys, and for
    a document without any objective.
    """
    return _Objectives(text, file).read()


class _Objectives:
    """The objectives of one document."""

    def __init__(self, text: str, file: str) -> None:
        self._document = YamlDocument(text, file, LIMITS, reduce="write fewer objectives", fill="add thresholds: with at least one metric")

    def read(self) -> Objectives:
        """All objectives of the document."""
        root = self._document.root()
        sections = self._document.mapping(root, ("thresholds", "compare", "bursts", "scenarios", "workload"), "the document")
        thresholds = tuple(self._thresholds(sections["thresholds"])) if "thresholds" in sections else ()
        compare = read_tolerances(self._document, sections["compare"]) if "compare" in sections else ()
        answers = read_answers(self._document, sections["compare"]) if compare else None
        scenarios = read_scenarios(self._document, sections["scenarios"], thresholds) if "scenarios" in sections else ()
        policy = read_policy(self._document, sections["scenarios"]) if "scenarios" in sections else ()
        if not (thresholds or compare or scenarios or policy or "workload" in sections):
            raise self._document.source(root).error("no objective found", 0, 1, next_step="add thresholds: or compare:")
        bursts = self._bursts(sections["bursts"]) if "bursts" in sections else BurstSizes()
        objectives = Objectives(thresholds, compare, bursts, answers, scenarios, policy=policy)
        if "thresholds" in sections and not limiting(thresholds):
            self._refuse_unlimited_capacity(sections["thresholds"])
        return objectives

    def _refuse_unlimited_capacity(self, node: yaml.Node) -> None:
        for key, _ in self._document.pairs(node, "thresholds"):
            source = self._document.source(key)
            if source.text == CAPACITY:
                raise source.error(NOTHING_WITHIN, next_step='add http_req_duration: ["p(95)<200"]')

    def _thresholds(self, node: yaml.Node) -> list[Threshold]:
        thresholds: list[Threshold] = []
        for key, value in self._document.pairs(node, "thresholds"):
            if not isinstance(value, yaml.SequenceNode) or not value.value:
                raise self._document.source(value).error("thresholds must be a list", next_step='use a list, as in ["p(95)<200"]')
            thresholds += [self._threshold(self._document.source(key), item) for item in value.value]
            if len(thresholds) > OBJECTIVES_LIMIT:
                raise self._document.source(key).error(f"more than {OBJECTIVES_LIMIT} thresholds")
        return thresholds

    def _threshold(self, selector: Source, node: yaml.Node) -> Threshold:
        if isinstance(node, yaml.ScalarNode):
            return parse_threshold(selector, self._document.source(node))
        parts = self._document.mapping(node, THRESHOLD_KEYS, "a threshold")
        if "threshold" not in parts:
            raise self._document.source(node).error("the expression is missing", 0, 1, next_step="write threshold: p(95)<200")
        abort = parts.get("abortOnFail")
        delay = parts.get("delayAbortEval")
        return parse_threshold(
            selector,
            self._document.scalar(parts["threshold"], "an expression"),
            abort_on_fail=abort is not None and read_switch(self._document.scalar(abort, "true or false")),
            delay_abort_eval=read_delay(self._document.scalar(delay, "a duration")) if delay is not None else 0.0,
        )

    def _bursts(self, node: yaml.Node) -> BurstSizes:
        parts = self._document.mapping(node, ("count", "rate", "duration"), "bursts")
        readers: Mapping[str, Callable[[Source], float]] = {"count": _count, "rate": _rate, "duration": _duration}
        values = {key: readers[key](self._document.scalar(part, "a number")) for key, part in parts.items()}
        count = values.get("count")
        return BurstSizes(None if count is None else int(count), values.get("rate"), values.get("duration"))


def _count(source: Source) -> float:
    if not re.fullmatch("[0-9]{1,3}", source.text) or not 1 <= int(source.text) <= MAX_BURSTS:
        raise source.error(f"the burst count must be an integer from 1 to {MAX_BURSTS}")
    return int(source.text)


def _rate(source: Source) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", source.text) or float(source.text) <= 0:
        raise source.error("the rate must be a number above 0, in requests per second")
    return float(source.text)


def _duration(source: Source) -> float:
    seconds = duration_seconds(source.text)
    if seconds is None:
        raise source.error(f"{source.text!r} is not a duration", next_step=f"use a value such as {EXAMPLES}; a bare number is in seconds")
    if seconds <= 0:
        raise source.error("the burst duration must be above 0")
    return seconds
