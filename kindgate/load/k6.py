"""k6's formats: read its options (one arrival-rate scenario, thresholds), write its end-of-test summary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kindgate.duration import MILLISECOND, duration_seconds
from kindgate.errors import LoadError
from kindgate.histogram import Histogram
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import OpenLoop, Stage
from kindgate.load.result import BurstResult, Series, grouped

_EXECUTORS: Final = ("constant-arrival-rate", "ramping-arrival-rate")

_LEAVE_OUT: Final = "remove it"

_UNSUPPORTED: Final[Mapping[str, tuple[object, str]]] = {
    "tags": (None, "remove it; requests carry the tags host, route, arm and method"),
    "rps": (0, "remove it; requests are sent at the scenario's rate"),
    "hosts": (None, "set the address with --url and the host with --header 'Host: ...'"),
    "tlsAuth": (None, _LEAVE_OUT),
    "tlsVersion": (None, _LEAVE_OUT),
    "tlsCipherSuites": (None, _LEAVE_OUT),
    "localIPs": (None, _LEAVE_OUT),
    "blacklistIPs": (None, _LEAVE_OUT),
    "blockHostnames": (None, _LEAVE_OUT),
    "executionSegment": ("0:1", "remove it; --workers distributes the load between machines"),
}
"""Options that would change what is sent: the value that changes nothing, and what to do instead."""

_UNSUPPORTED_IN_SCENARIO: Final[Mapping[str, tuple[object, str]]] = {
    "tags": (None, "remove it; requests carry the tags host, route, arm and method"),
    "startTime": ("0s", "remove it; a burst starts immediately"),
    "exec": ("default", "remove it; requests go to --url, and no function of the script runs"),
    "options": (None, _LEAVE_OUT),
}


@dataclass(frozen=True)
class K6Options:
    """The supported part of k6's options: the loop, the number of VUs (as in-flight cap), thresholds as `selector: expression`.

    `redirects` is None and `user_agent` empty if the options do not set them; k6 then follows ten redirects.
    """

    loop: OpenLoop
    max_vus: int | None
    thresholds: tuple[str, ...]
    redirects: int | None = None
    keep_alive: bool = True
    verify: bool = True
    user_agent: str = ""


def read_k6_options(options: Mapping[str, Any]) -> K6Options:
    """Read the one arrival-rate scenario of k6's options, with its thresholds.

    Raises `LoadError` if the options hold no such scenario or several, or set something unsupported. The script itself is
    not read, nor are options about VUs, setup and k6's own output.
    """
    scenarios = options.get("scenarios")
    if not isinstance(scenarios, Mapping) or len(scenarios) != 1:
        raise LoadError("k6's options must have exactly one scenario", next_step=f"use one with the executor {' or '.join(_EXECUTORS)}")
    name, scenario = next(iter(scenarios.items()))
    executor = scenario.get("executor") if isinstance(scenario, Mapping) else None
    if executor not in _EXECUTORS:
        raise LoadError(f"scenario {name!r} has the executor {executor!r}: only {' and '.join(_EXECUTORS)} send at a given rate")
    _refuse_unsupported(options, _UNSUPPORTED, "k6's options")
    _refuse_unsupported(scenario, _UNSUPPORTED_IN_SCENARIO, f"scenario {name!r}")
    try:
        stages = _constant(scenario) if executor == _EXECUTORS[0] else _ramping(scenario)
        max_vus = _value_or_default(scenario, "maxVUs", scenario.get("preAllocatedVUs"))
        redirects = options.get("maxRedirects")
        return K6Options(
            OpenLoop(tuple(stages), "uniform"),
            None if max_vus is None else int(max_vus),
            tuple(k6_thresholds(options)),
            None if redirects is None else int(redirects),
            keep_alive=not (options.get("noConnectionReuse") or options.get("noVUConnectionReuse")),
            verify=not options.get("insecureSkipTLSVerify"),
            user_agent=str(_value_or_default(options, "userAgent", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LoadError(f"cannot read scenario {name!r}: {error!r}") from error


def k6_seconds(text: object) -> float:
    """Convert a k6 duration (`1m30s`, `500ms`; a bare number is milliseconds) to seconds; raises `LoadError` for anything else."""
    duration = None if isinstance(text, bool) else duration_seconds(str(text), MILLISECOND)
    if duration is None:
        raise LoadError(f"{text!r} is not a duration such as 30s or 1m30s")
    return duration


def k6_summary(result: BurstResult, outcomes: Mapping[str, Mapping[str, bool]]) -> dict[str, Any]:
    """Build k6's `--summary-export` document; times in milliseconds.

    `outcomes` maps selectors to expressions and whether they hold. `http_req_duration` is response time from the
    intended time (k6 measures from sending); `retried` is kindgate's own metric. Routes and journeys have submetrics with the
    tags `route` and `journey`. With journeys, only these are iterations, but requests outside of them can be dropped too; without,
    each request is one. As in k6's export, true marks a failed threshold. `closed_loop` is kindgate's own key, for a load
    that waits for responses.
    """
    total, span = result.total, max(result.seconds, 1e-9)
    metrics: dict[str, dict[str, Any]] = {
        **_request_metrics(total, span, ""),
        "http_req_duration{expected_response:true}": _trend(total.response),
        "service_time": _trend(total.service),
        "send_lag": _trend(result.send_lag),
        "retried": _count(total.retried, span),
        "data_received": _count(total.bytes_received, span),
    }
    for name, same_route in grouped((series.route, series) for series in result.series).items():
        metrics |= _request_metrics(Series.merged(same_route), span, f"{{route:{name}}}")
    singles = sum(series.scheduled - series.sent for series in result.series if not series.journey)
    if result.journeys:
        metrics |= _iteration_metrics(result.journeys, span, "", singles)
        for name, same_journey in grouped((series.journey, series) for series in result.journeys).items():
            metrics |= _iteration_metrics(same_journey, span, f"{{journey:{name}}}")
    else:
        metrics |= {"iterations": _count(result.sent, span), "dropped_iterations": _count(singles, span)}
    for selector, expressions in outcomes.items():
        metrics.setdefault(selector, {})["thresholds"] = {expression: not holds for expression, holds in expressions.items()}
    root_group = {"name": "", "path": "", "id": "", "groups": {}, "checks": {}}
    return {"metrics": metrics, "root_group": root_group, **({"closed_loop": True} if result.closed_loop else {})}


def _request_metrics(series: Series, span: float, tag: str) -> dict[str, dict[str, Any]]:
    return {
        f"http_reqs{tag}": _count(series.sent, span),
        f"http_req_duration{tag}": _trend(series.response + series.failed_response),
        f"http_req_waiting{tag}": _trend(series.waiting),
        f"http_req_failed{tag}": _rate(series.failures, series.scheduled - series.failures),
        f"checks{tag}": _rate(series.checks_passed, series.checks_failed),
    }


def _iteration_metrics(journeys: Sequence[JourneySeries], span: float, tag: str, singles: int = 0) -> dict[str, dict[str, Any]]:
    """The metrics of journeys; `singles` are requests outside of journeys that were never sent."""
    return {
        f"iterations{tag}": _count(sum(each.started for each in journeys), span),
        f"dropped_iterations{tag}": _count(singles + sum(each.scheduled - each.started for each in journeys), span),
        f"iteration_duration{tag}": _trend(Histogram.merged(each.duration for each in journeys)),
    }


def _refuse_unsupported(values: Mapping[str, Any], unsupported: Mapping[str, tuple[object, str]], where: str) -> None:
    """Raise `LoadError` for options that would change the load but are not supported, unless they equal k6's default."""
    for key, (default, remedy) in unsupported.items():
        value = values.get(key)
        if not _is_unset(value) and value != default:
            raise LoadError(f"{key!r} in {where} is not supported", last_state=f"{key}: {json.dumps(value)}", next_step=remedy)


def _is_unset(value: object) -> bool:
    """Whether a value is unset; `k6 inspect` prints unset options as empty values."""
    return not any(value.values()) if isinstance(value, Mapping) else not value


def _constant(scenario: Mapping[str, Any]) -> list[Stage]:
    rate = float(scenario["rate"]) / k6_seconds(_value_or_default(scenario, "timeUnit", "1s"))
    return [Stage(k6_seconds(scenario["duration"]), rate, rate)]


def _ramping(scenario: Mapping[str, Any]) -> list[Stage]:
    """Like k6, ramp linearly from the last rate to each stage's target; a stage with zero duration is a jump."""
    unit = k6_seconds(_value_or_default(scenario, "timeUnit", "1s"))
    rate, stages = float(_value_or_default(scenario, "startRate", 0)) / unit, []
    for stage in scenario["stages"]:
        target, length = float(stage["target"]) / unit, k6_seconds(stage["duration"])
        if length > 0:
            stages.append(Stage(length, rate, target))
        rate = target
    return stages


def k6_thresholds(options: Mapping[str, Any]) -> list[str]:
    """Each threshold as `selector: expression`; in the object form the expression is the key `threshold`."""
    thresholds = []
    for selector, expressions in (options.get("thresholds") or {}).items():
        for expression in [expressions] if isinstance(expressions, str) else expressions or ():
            text = expression["threshold"] if isinstance(expression, Mapping) else expression
            thresholds.append(f"{selector}: {text}")
    return thresholds


def _value_or_default(scenario: Mapping[str, Any], key: str, default: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The value, or k6's default if it is missing or null; `k6 inspect` prints unset options as null."""
    value = scenario.get(key)
    return default if value is None else value


def _trend(histogram: Histogram) -> dict[str, Any]:
    if not histogram.count:
        return {"avg": 0, "min": 0, "med": 0, "max": 0, "p(90)": 0, "p(95)": 0, "p(99)": 0}
    figures = {"avg": histogram.mean, "min": histogram.min, "med": histogram.percentile(50), "max": histogram.max}
    figures |= {f"p({q})": histogram.percentile(q) for q in (90, 95, 99)}
    return {name: value / 1000 for name, value in figures.items()}


def _count(count: int, span: float) -> dict[str, Any]:
    return {"count": count, "rate": count / span}


def _rate(passes: int, fails: int) -> dict[str, Any]:
    return {"passes": passes, "fails": fails, "value": passes / (passes + fails) if passes + fails else 0}
