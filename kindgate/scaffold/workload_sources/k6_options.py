"""The options of a k6 script: thresholds, and the rates of its scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.duration import duration_seconds
from kindgate.errors import SloError
from kindgate.scaffold.workload_sources.k6_values import NotConstant, Value, plain
from kindgate.slo.grammar import parse_threshold
from kindgate.source_location import Source

_CLOSED = {
    "vus": "virtual users wait for the server, so they have no rate",
    "stages": "stages of virtual users wait for the server, so they have no rate",
    "iterations": "the number of iterations: the size of bursts decides",
    "duration": "the duration: the size of bursts decides",
}


@dataclass(frozen=True)
class ScriptOptions:
    """Thresholds by metric, `weights` of the functions that scenarios run, and their total rate per second (None: unknown).

    `left_out` names options with the reason why they have no effect.
    """

    thresholds: tuple[tuple[str, tuple[str, ...]], ...] = ()
    weights: tuple[tuple[str, float], ...] = ()
    rate: float | None = None
    left_out: tuple[tuple[str, str], ...] = ()


def read_options(value: Value) -> ScriptOptions:
    """Read the constant parts of k6's `options`."""
    if not isinstance(value, Mapping):
        return ScriptOptions()
    left_out = [(key, reason) for key, reason in _CLOSED.items() if value.get(key) is not None]
    thresholds = dict(_thresholds(value.get("thresholds"), left_out))
    rates: dict[str, float] = {}
    scenarios = value.get("scenarios")
    weights: dict[str, float] = {}
    for name, scenario in scenarios.items() if isinstance(scenarios, Mapping) else ():
        function, rate, reason = _scenario(scenario)
        weights[function] = weights.get(function, 0.0) + (rate or 0.0)
        if rate is not None:
            rates[name] = rate
        else:
            left_out.append((f"scenarios.{name}", reason))
    return ScriptOptions(
        tuple((metric, tuple(expressions)) for metric, expressions in thresholds.items()),
        tuple(weights.items()),
        sum(rates.values()) or None,
        tuple(left_out),
    )


def _thresholds(value: Value, left_out: list[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Thresholds that an SLO file accepts."""
    for metric, expressions in value.items() if isinstance(value, Mapping) else ():
        kept = []
        for expression in expressions if isinstance(expressions, list) else [expressions]:
            try:
                text = plain(expression.get("threshold") if isinstance(expression, Mapping) else expression)
                parse_threshold(Source(metric), Source(str(text)))
                kept.append(str(text))
            except NotConstant as error:
                left_out.append((f"thresholds.{metric}", str(error)))
            except SloError as error:
                left_out.append((f"thresholds.{metric}", error.message))
        if kept:
            yield metric, kept


def _scenario(value: Value) -> tuple[str, float | None, str]:
    """The function that a scenario runs, its highest rate per second, or the reason why it has none."""
    try:
        scenario: Any = plain(value)
    except NotConstant as error:
        return "default", None, str(error)
    if not isinstance(scenario, Mapping):
        return "default", None, "not an object"
    function, executor = str(scenario.get("exec") or "default"), str(scenario.get("executor") or "")
    unit = duration_seconds(str(scenario.get("timeUnit") or "1s"))
    rates = [scenario.get("rate"), scenario.get("startRate")]
    rates += [stage.get("target") for stage in scenario.get("stages") or () if isinstance(stage, Mapping)]
    numbers = [rate for rate in rates if isinstance(rate, int | float)]
    if not executor.endswith("arrival-rate") or not numbers or not unit:
        return function, None, f"the executor {executor or 'shared-iterations'} waits for the server, so it has no rate"
    return function, max(numbers) / unit, ""
