"""`slo.yaml`: thresholds in the form of k6's options, tolerated regressions, and burst sizes.

```yaml
thresholds:
  http_req_duration: ["p(95)<200", "p(99)<500"]
  http_req_duration{host:foo.localhost}:
    - {threshold: "p(95)<150", abortOnFail: true, delayAbortEval: 10s}
compare:
  p(95): {max_regression: 10%}
bursts: {count: 25, rate: 300, duration: 2s}
```
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import yaml

from kindgate.duration import EXAMPLES, duration_seconds
from kindgate.errors import SloError
from kindgate.slo.grammar import THRESHOLD_KEYS, parse_expression, parse_threshold, read_delay, read_switch
from kindgate.slo.objectives import BurstSizes, Objectives, Tolerance
from kindgate.slo.source_location import Source
from kindgate.slo.threshold import PERCENTILE, Threshold

TEXT_LIMIT = 64 * 1024
"""Maximum length of a document in characters."""

OBJECTIVES_LIMIT = 500
"""Maximum number of thresholds of a document; a report cannot show more."""

_DEPTH = 10
_EVENTS = 10_000
"""Maximum number of YAML events of a document: 500 thresholds in their longest form have half as many."""

_MAX_BURSTS = 200
_NULL = "tag:yaml.org,2002:null"


def parse_document(text: str, file: str = "slo.yaml") -> Objectives:
    """Parse the objectives in `text`; `file` is its name in errors.

    Raises `SloError` with file, line and column for anything that is not understood, including unknown keys, and for
    a document without any objective.
    """
    return _Document(text, file).objectives()


class _Document:
    """A YAML text and its lines; every part is read together with its position."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._lines = text.splitlines()

    def objectives(self) -> Objectives:
        """All objectives of the document."""
        root = self._compose()
        sections = self._mapping(root, ("thresholds", "compare", "bursts"), "the document")
        thresholds = tuple(self._thresholds(sections["thresholds"])) if "thresholds" in sections else ()
        compare = tuple(self._tolerances(sections["compare"])) if "compare" in sections else ()
        if not thresholds and not compare:
            raise self._source(root).error("no objective found", 0, 1, next_step="add thresholds: or compare:")
        bursts = self._bursts(sections["bursts"]) if "bursts" in sections else BurstSizes()
        return Objectives(thresholds, compare, bursts)

    def _compose(self) -> yaml.Node:
        if len(self._text) > TEXT_LIMIT:
            raise SloError(f"{self._file}: the file has more than {TEXT_LIMIT} characters", next_step="write fewer objectives")
        try:
            self._refuse_unbounded()
            root = yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            raise self._at(line, column, " ").error(f"invalid YAML: {error.problem or error.context}") from error
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # an escape of a nonexistent character
            raise SloError(f"{self._file}: invalid YAML: {error}") from error
        if root is None:
            raise SloError(f"{self._file}: the file is empty", next_step="add thresholds: with at least one metric")
        return root

    def _refuse_unbounded(self) -> None:
        """Reject input that is small but expands when read, before constructing anything: the file may be untrusted."""
        depth = 0
        for number, event in enumerate(yaml.parse(self._text, Loader=yaml.SafeLoader)):
            mark = event.start_mark
            event_source = self._at(mark.line, mark.column, "*") if mark else Source("*", self._file)
            if isinstance(event, yaml.AliasEvent):
                raise event_source.error(
                    "aliases are not allowed because they hide the size of a file", next_step="write out the value instead"
                )
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH or number > _EVENTS:
                raise event_source.error("the file is too deeply nested or too large")

    def _thresholds(self, node: yaml.Node) -> list[Threshold]:
        thresholds: list[Threshold] = []
        for key, value in self._pairs(node, "thresholds"):
            if not isinstance(value, yaml.SequenceNode) or not value.value:
                raise self._source(value).error("thresholds must be a list", next_step='use a list, as in ["p(95)<200"]')
            thresholds += [self._threshold(self._source(key), item) for item in value.value]
            if len(thresholds) > OBJECTIVES_LIMIT:
                raise self._source(key).error(f"more than {OBJECTIVES_LIMIT} thresholds")
        return thresholds

    def _threshold(self, selector: Source, node: yaml.Node) -> Threshold:
        if isinstance(node, yaml.ScalarNode):
            return parse_threshold(selector, self._source(node))
        parts = self._mapping(node, THRESHOLD_KEYS, "a threshold")
        if "threshold" not in parts:
            raise self._source(node).error("the expression is missing", 0, 1, next_step="write threshold: p(95)<200")
        abort = parts.get("abortOnFail")
        delay = parts.get("delayAbortEval")
        return parse_threshold(
            selector,
            self._scalar(parts["threshold"], "an expression"),
            abort_on_fail=abort is not None and read_switch(self._scalar(abort, "true or false")),
            delay_abort_eval=read_delay(self._scalar(delay, "a duration")) if delay is not None else 0.0,
        )

    def _tolerances(self, node: yaml.Node) -> list[Tolerance]:
        return [self._tolerance(key, value) for key, value in self._pairs(node, "compare")]

    def _tolerance(self, key: yaml.Node, value: yaml.Node) -> Tolerance:
        name = self._source(key)
        quantile = 50.0 if name.text == "med" else self._percentile(name)
        parts = self._mapping(value, ("max_regression",), name.text)
        if "max_regression" not in parts:
            raise self._source(value).error("max_regression is missing", 0, 1, next_step="write {max_regression: 10%}")
        share = self._scalar(parts["max_regression"], "a share")
        percentage = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?%", share.text)
        if percentage is None or not 0 < float(percentage.group(1)) <= 1000:
            raise share.error(f"{share.text!r} is not a percentage above 0 %", next_step="use a percentage such as 10%")
        return Tolerance(quantile, float(percentage.group(1)) / 100, name.position)

    @staticmethod
    def _percentile(name: Source) -> float:
        """The rank of `p(N)`; 0 and 100 are rejected because a single request decides them."""
        expression = parse_expression(replace(name, text=f"{name.text}<1")) if re.fullmatch(r"p\([0-9.]+\)", name.text) else None
        if expression is None or expression.aggregation != PERCENTILE or not 0 < (expression.quantile or 0) < 100:
            raise name.error(f"{name.text!r} cannot be compared", next_step="compare a percentile such as p(95), or med")
        return expression.quantile or 0.0

    def _bursts(self, node: yaml.Node) -> BurstSizes:
        parts = self._mapping(node, ("count", "rate", "duration"), "bursts")
        readers: Mapping[str, Callable[[Source], float]] = {"count": _count, "rate": _rate, "duration": _duration}
        values = {key: readers[key](self._scalar(part, "a number")) for key, part in parts.items()}
        count = values.get("count")
        return BurstSizes(None if count is None else int(count), values.get("rate"), values.get("duration"))

    def _mapping(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        """The values by key, without nulls; an unknown key is an error."""
        by_key: dict[str, yaml.Node] = {}
        for key, value in self._pairs(node, what):
            name = self._source(key)
            if name.text not in known:
                raise name.error(f"{what} has no key {name.text!r}", next_step=f"known keys: {', '.join(known)}")
            if value.tag != _NULL:
                by_key[name.text] = value
        return by_key

    def _pairs(self, node: yaml.Node, what: str) -> list[tuple[yaml.Node, yaml.Node]]:
        """Keys and values of a mapping; a duplicate key is an error."""
        if not isinstance(node, yaml.MappingNode):
            raise self._source(node).error(f"{what} must be a mapping of keys to values", 0, 1)
        seen: set[str] = set()
        for key, _ in node.value:
            name = self._scalar(key, "a key")
            if name.text in seen:
                raise name.error(f"{name.text!r} is defined twice")
            seen.add(name.text)
        return list(node.value)

    def _scalar(self, node: yaml.Node, what: str) -> Source:
        if not isinstance(node, yaml.ScalarNode):
            raise self._source(node).error(f"expected {what} here", 0, 1)
        return self._source(node)

    def _source(self, node: yaml.Node) -> Source:
        """The node's text with its position; a quoted or folded text is searched for after the node's start."""
        mark = node.start_mark
        text = str(node.value) if isinstance(node, yaml.ScalarNode) else "?"
        source = self._at(mark.line, mark.column, text)
        offset = source.excerpt.find(text, mark.column)
        return self._at(mark.line, offset, text) if offset >= 0 else source

    def _at(self, line: int, column: int, text: str) -> Source:
        excerpt = self._lines[line] if line < len(self._lines) else ""
        return Source(text, self._file, line + 1, column + 1, excerpt or " ")


def _count(source: Source) -> float:
    if not re.fullmatch("[0-9]{1,3}", source.text) or not 1 <= int(source.text) <= _MAX_BURSTS:
        raise source.error(f"the burst count must be an integer from 1 to {_MAX_BURSTS}")
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
