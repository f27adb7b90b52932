"""k6's threshold grammar: `http_req_duration{host:foo.localhost}` and `p(95)<200`, with errors that point at the bad part.

Accepts what k6's parser accepts (k6 `metrics/thresholds_parser.go`, `metrics/metric.go`), except a bare `p`, which k6
silently reads as `p(0)`. Numbers follow Go (`strconv.ParseFloat`). Also reads the other keys of a threshold's object form,
`abortOnFail` and `delayAbortEval`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kindgate.duration import MILLISECOND, duration_seconds
from kindgate.slo.threshold import (
    AGGREGATIONS,
    DEFAULT_METRIC,
    FAILURE_KINDS,
    METRICS,
    OPERATORS,
    PERCENTILE,
    Expression,
    Metric,
    MetricType,
    Selector,
    Threshold,
)
from kindgate.slo.usage import USAGE_TAGS
from kindgate.source_location import Source

THRESHOLD_KEYS = ("threshold", "abortOnFail", "delayAbortEval")
"""Keys of a threshold's object form; the last two can be null, which means k6's default."""

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""Spaces according to Go's `unicode.IsSpace`; Python's `str.strip` removes more."""

SWITCHES = {
    spelling: word in {"true", "yes", "on"}
    for word in ("true", "yes", "on", "false", "no", "off")
    for spelling in (word, word.title(), word.upper())
}
"""JSON, Python and YAML 1.1 spellings."""

_DIGITS = "[0-9](?:_?[0-9])*"
_HEX_DIGITS = "[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_DECIMAL = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEXADECIMAL = re.compile(rf"[+-]?0[xX](?:_?{_HEX_DIGITS}(?:\.(?:{_HEX_DIGITS})?)?|\.{_HEX_DIGITS})[pP][+-]?{_DIGITS}")
_SPECIAL = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE)
_OPERATOR = re.compile("|".join(map(re.escape, OPERATORS)))

_KEYWORDS = tuple(dict.fromkeys(name for names in AGGREGATIONS.values() for name in names if name != PERCENTILE))
_EXPECTED = "expected_response"
"""k6's tag for responses that are not errors."""

_ROUTE, _NAME = "route", "name"
"""The tag with a route's name, and k6's tag for the same."""

_EXAMPLE = "write an aggregation, an operator and a number, such as p(95)<200"


def parse_threshold(selector: Source, expression: Source, *, abort_on_fail: bool = False, delay_abort_eval: float = 0.0) -> Threshold:
    """Parse a threshold from its selector and its expression.

    Raises `SloError`, pointing at the bad part; also if the aggregation does not apply to the metric.
    """
    selected = parse_selector(selector)
    parsed = parse_expression(expression)
    refuse_aggregation(expression, parsed, selected.metric.name, AGGREGATIONS[selected.metric.type], f", which is a {selected.metric.type}")
    if selected.metric.is_capacity and parsed.operator not in {">", ">="}:
        start = expression.text.index(parsed.operator)
        problem = f"a capacity can only be required to be above a rate, not {parsed.operator} one"
        raise expression.error(problem, start, start + len(parsed.operator), next_step="write value>800")
    if selected.metric.is_capacity and not 0 < parsed.limit < math.inf:
        start = expression.text.index(parsed.operator) + len(parsed.operator)
        raise expression.error("a capacity must be a rate above 0", start, len(expression.text), next_step="write value>800")
    return Threshold(selected, parsed, abort_on_fail, delay_abort_eval, expression.position if expression.line else expression.file)


def parse_marker(
    args: tuple[object, ...], origin: str = "@pytest.mark.slo", options: Mapping[str, object] | None = None
) -> tuple[Threshold, ...]:
    """The thresholds of a marker's arguments, or of repeated options: `metric{tags}: expression`, or only an expression.

    An expression without a metric applies to `http_req_duration`. An argument can also be k6's object form, with
    `threshold`, `abortOnFail` and `delayAbortEval`; `options` are the marker's keyword arguments, the last two of these keys
    for every threshold. Raises `SloError` for missing or unreadable arguments; `origin` names the place in the error.
    """
    if not args:
        raise Source("", origin).error("no objective given", next_step=f'add one, as in {origin}("p(95)<200")')
    shared = _require_known(options or {}, THRESHOLD_KEYS[1:], origin)
    return tuple(_parse_argument(arg, shared, origin) for arg in args)


def parse_selector(source: Source) -> Selector:
    """Parse a metric with tags, `name{key:value,...}`; quotes around keys and values are removed, as in k6.

    k6's tag `name` is read as `route`, the name of a route.
    k6's `expected_response:true` on a time leaves out failed requests. Here failed requests have no time and are slower than
    any limit, so the metric is judged without the tag: it passes only if k6's would.
    Raises `SloError` for unbalanced braces, a tag without a value, and an unknown metric or failure kind.
    """
    name, parts = split_selector(source)
    metric = _metric(name)
    tags: dict[str, str] = {}
    for part in parts:
        key, value = _tag(part, metric)
        if key == _EXPECTED:
            _refuse_other_expected_response(part, metric, value)
        else:
            tags[key] = value
    return Selector(metric, tuple(sorted(tags.items())))


def split_selector(source: Source) -> tuple[Source, tuple[Source, ...]]:
    """The name of the metric in a selector, and each of its tags as written. Raises `SloError` for unbalanced braces."""
    text = source.text
    opening, closing = text.find("{"), text.rfind("}")
    if opening < 0 and closing < 0:
        return source, ()
    if closing < 0:
        raise source.error("the opening brace is not closed", opening, opening + 1)
    if opening < 0 or closing < opening:
        raise source.error("the closing brace has no opening one", closing, closing + 1)
    if closing != len(text) - 1:
        raise source.error("nothing may follow the closing brace", closing + 1)
    tags: list[Source] = []
    start = opening + 1
    for item in text[start:closing].split(","):
        tags.append(source.part(start, start + len(item)))
        start += len(item) + 1
    return source.part(0, opening), tuple(tags)


def split_tag(source: Source) -> tuple[str, str]:
    """Key and value of a tag, without quotes and spaces; k6's `name` becomes `route`.

    Raises `SloError` for a tag without a value: an empty one is rejected before quotes and spaces are removed, as in k6.
    """
    raw_key, colon, raw_value = source.text.partition(":")
    if not raw_value:
        missing = "no value" if colon else "no colon or value"
        raise source.error(f"the tag {source.text.strip(SPACE)!r} has {missing}", next_step="write key:value, as in {host:foo.localhost}")
    key, value = (part.strip(SPACE).strip("\"'") for part in (raw_key, raw_value))
    return _ROUTE if key == _NAME else key, value


def parse_expression(source: Source) -> Expression:
    """Parse `aggregation operator number`. Raises `SloError`, pointing at the bad part."""
    text = source.text
    operator = _OPERATOR.search(text)
    if operator is None:
        raise source.error("missing operator", next_step=f"use one of {' '.join(OPERATORS)}: {_EXAMPLE}")
    left, right = text[: operator.start()], text[operator.end() :]
    aggregation, quantile = _aggregation(source, _stripped(left, 0))
    limit = _number(source, *_stripped(right, operator.end()), what="limit")
    return Expression(aggregation, operator.group(), limit, quantile)


def refuse_aggregation(source: Source, parsed: Expression, metric: str, supported: Sequence[str], reason: str = "") -> None:
    """Raise `SloError` unless the aggregation of `parsed`, the expression in `source`, is one of those that `metric` supports."""
    if parsed.aggregation in supported:
        return
    start = len(source.text) - len(source.text.lstrip(SPACE))
    names = ", ".join("p(N)" if name == PERCENTILE else name for name in supported)
    raise source.error(
        f"{parsed.aggregate} does not apply to {metric}{reason}",
        start,
        start + len(parsed.aggregate),
        next_step=f"{metric} supports {names}",
    )


def read_switch(source: Source) -> bool:
    """Whether `abortOnFail` is on. Raises `SloError`, pointing at the text, for any other word."""
    if source.text not in SWITCHES:
        raise source.error(f"{source.text!r} is neither true nor false")
    return SWITCHES[source.text]


def read_delay(source: Source) -> float:
    """`delayAbortEval` in seconds; as in k6, a bare number is milliseconds. Raises `SloError`, pointing at the text."""
    seconds = duration_seconds(source.text, MILLISECOND)
    if seconds is None:
        raise source.error(
            f"{source.text!r} is not a duration", next_step="use a value such as 10s, 1m30s or 500ms; a bare number is in milliseconds"
        )
    return seconds


def _parse_argument(arg: object, shared: Mapping[str, object], origin: str) -> Threshold:
    """One argument of a marker: a string, or k6's object form."""
    parts = _require_known(arg if isinstance(arg, Mapping) else {"threshold": arg}, THRESHOLD_KEYS, origin)
    text = parts.get("threshold")
    if not isinstance(text, str):
        raise Source(repr(arg), origin).error("an objective must be a string", next_step='use one such as "p(95)<200"')
    abort_options = {key: Source(str(value), origin) for key, value in {**shared, **parts}.items() if value is not None}
    return replace(
        _parse_line(Source(text, origin)),
        abort_on_fail="abortOnFail" in abort_options and read_switch(abort_options["abortOnFail"]),
        delay_abort_eval=read_delay(abort_options["delayAbortEval"]) if "delayAbortEval" in abort_options else 0.0,
    )


def _require_known(values: Mapping[Any, object], keys: tuple[str, ...], origin: str) -> Mapping[str, object]:
    for key in values:
        if key not in keys:
            raise Source(str(key), origin).error(f"an objective has no key {key!r}", next_step=f"known keys: {', '.join(keys)}")
    return values


def _parse_line(source: Source) -> Threshold:
    """`metric{tags}: expression`, or only an expression; a colon inside the braces belongs to a tag."""
    text = source.text
    colon = text.find(":", text.rfind("}") + 1)
    if colon >= 0:
        start = len(text) - len(text.lstrip(SPACE))
        return parse_threshold(source.part(start, len(text[:colon].rstrip(SPACE))), source.part(colon + 1, len(text)))
    if "{" in text:
        raise source.error("missing expression after the metric", text.rfind("}") + 1, next_step="write metric{tags}: p(95)<200")
    return parse_threshold(Source(DEFAULT_METRIC), source)


def _stripped(text: str, offset: int) -> tuple[int, int]:
    """Start and end of `text` without surrounding spaces; it begins at `offset`."""
    start = len(text) - len(text.lstrip(SPACE))
    return offset + start, offset + max(start, len(text.rstrip(SPACE)))


def _metric(source: Source) -> Metric:
    metric = METRICS.get(source.text)
    if metric is None:
        raise source.error(f"unknown metric {source.text!r}", next_step=f"known metrics: {', '.join(METRICS)}")
    return metric


def _tag(source: Source, metric: Metric) -> tuple[str, str]:
    """One `key:value` that applies to `metric`."""
    key, value = split_tag(source)
    if not metric.tagged:
        raise source.error(f"{metric.name} takes no tags: it is measured only for the whole burst")
    if metric.type is MetricType.USAGE and key not in USAGE_TAGS:
        raise source.error(f"{metric.name} has no tag {key}: it is measured per workload", next_step="use the tag workload, or none")
    if key == "kind":
        _refuse_wrong_kind(source, metric, value)
    return key, value


def _refuse_wrong_kind(source: Source, metric: Metric, kind: str) -> None:
    if metric.name != "http_req_failed":
        raise source.error(f"the tag kind applies to http_req_failed, not to {metric.name}")
    if kind not in FAILURE_KINDS | {"network"}:
        raise source.error(f"unknown failure kind {kind!r}", next_step=f"known kinds: network, {', '.join(sorted(FAILURE_KINDS))}")


def _refuse_other_expected_response(source: Source, metric: Metric, value: str) -> None:
    if metric.type is not MetricType.TREND or value != "true":
        raise source.error(
            f"the tag {_EXPECTED}:{value} of {metric.name} is not supported",
            next_step=f"use {_EXPECTED}:true only with times; count failures with http_req_failed, and their kinds with its tag kind",
        )


def _aggregation(source: Source, span: tuple[int, int]) -> tuple[str, float | None]:
    """The aggregation in `span`, and the percentile's rank."""
    start, end = span
    name = source.text[start:end]
    if name in _KEYWORDS:
        return name, None
    if name.startswith("p(") and name.endswith(")"):
        rank = _number(source, start + 2, end - 1, what="percentile")
        if not 0 <= rank <= 100:
            raise source.error("a percentile must be between 0 and 100", start + 2, end - 1)
        return PERCENTILE, rank
    problem = f"unknown aggregation {name!r}" if name else "missing aggregation before the operator"
    raise source.error(problem, start, end, next_step=f"known aggregations: {', '.join(_KEYWORDS)} and p(N)")


def _number(source: Source, start: int, end: int, what: str) -> float:
    """The number from `start` to `end`, by the rules of Go's `strconv.ParseFloat`."""
    text = source.text[start:end]
    value: float | None = None
    if _DECIMAL.fullmatch(text):
        value = float(text)
    elif _HEXADECIMAL.fullmatch(text):
        try:
            value = float.fromhex(text.replace("_", ""))
        except OverflowError:
            value = math.inf
    elif _SPECIAL.fullmatch(text):
        return float(text)
    if value is None:
        raise source.error(f"the {what} {text!r} is not a number" if text else f"the {what} is missing", start, end, next_step=_EXAMPLE)
    if math.isinf(value):
        raise source.error(f"the {what} {text!r} is too large", start, end)
    return value
