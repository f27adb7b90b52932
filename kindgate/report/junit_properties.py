"""JUnit properties of a test: its objectives and burst results, as pairs of name and value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from kindgate.report.answer_records import AnswersRow
from kindgate.report.burst_records import Burst, JourneySummary, LatencyFigures
from kindgate.report.objective_records import ComparisonRow, ThresholdOutcome
from kindgate.report.policy_records import PolicyRow
from kindgate.report.scenario_summary import ScenarioSummary, error_budget
from kindgate.slo.episode_figures import total

Property = tuple[str, str]


def slo_properties(objectives: Iterable[ThresholdOutcome]) -> list[Property]:
    """`slo.verdict[...]`, `slo.measured[...]` and `slo.limit[...]` per threshold, and its unit if it has one."""
    properties: list[Property] = []
    for objective in objectives:
        which = f"[{objective.metric}: {objective.expression}]"
        unit = f"_{objective.unit.replace('/', 'per_')}" if objective.unit else ""
        properties.append((f"slo.verdict{which}", objective.verdict.value))
        for name, value in (("measured", objective.measured), ("limit", objective.limit), ("low", objective.low), ("high", objective.high)):
            if value is not None:
                properties.append((f"slo.{name}{unit}{which}", f"{value:g}"))
    return properties


def comparison_properties(rows: Iterable[ComparisonRow]) -> list[Property]:
    """`compare.verdict[p(95)]`, both absolute figures, the change with its interval, and the tolerance (shares).

    A part of the requests is named, as in `compare.verdict[p(95) of http_req_duration{route:checkout}]`.
    If a confirmation round followed, `compare.first_verdict` and `compare.first_change` are from the looks before it.
    """
    properties: list[Property] = []
    for row in rows:
        which = f"[{row.figure}]"
        unit = f"_{row.unit}" if row.unit else ""
        properties.append((f"compare.verdict{which}", row.verdict.value))
        if row.first is not None:
            properties.append((f"compare.first_verdict{which}", row.first.verdict.value))
        figures = ((f"base{unit}", row.base), (f"head{unit}", row.head), ("change", row.change), ("low", row.low), ("high", row.high))
        first_change = row.first.change if row.first is not None else None
        for name, value in (*figures, ("tolerated", row.tolerance), ("first_change", first_change)):
            if value is not None:
                properties.append((f"compare.{name}{which}", f"{value:g}"))
    return properties


def answers_properties(rows: Iterable[AnswersRow]) -> list[Property]:
    """`answers.compared[route]`, `answers.changes[route]`, one example in `answers.change[route]`, and `answers.verdict[route]`."""
    properties: list[Property] = []
    for row in rows:
        which = f"[{row.route}]"
        properties += [(f"answers.compared{which}", str(row.compared)), (f"answers.changes{which}", str(len(row.changes)))]
        properties += [(f"answers.change{which}", str(change)) for change in row.changes[:1]]
        properties += [(f"answers.verdict{which}", row.verdict.value)] if row.verdict is not None else []
    return properties


def scenario_properties(scenarios: Iterable[ScenarioSummary]) -> list[Property]:
    """`scenario.verdict[rollout restart]` and its figures: requests, losses, and the worst times of its episodes in milliseconds.

    `scenario.error_budget` is the spent share, if the suite states a budget; `scenario.verdict[rollout restart: lost: count==0]`
    is one objective's.
    """
    properties: list[Property] = []
    for one in scenarios:
        which, episodes = one.record.name, one.episodes
        requests = total(episode.requests for episode in episodes)
        properties += [(f"scenario.verdict[{which}]", one.verdict.value), (f"scenario.episodes[{which}]", str(len(episodes)))]
        properties += [(f"scenario.requests[{which}]", str(requests.scheduled)), (f"scenario.lost[{which}]", str(requests.lost))]
        outages = [1000 * route.outage for episode in episodes for route in episode.routes]
        times: dict[str, Iterable[float | None]] = {
            "outage": outages,
            "first_success": (episode.first_success for episode in episodes),
            "recovery": (episode.recovery for episode in episodes),
        }
        for name, values in times.items():
            properties += _largest(f"scenario.{name}_ms[{which}]", values)
        budget = error_budget(one.record, episodes)
        properties += [(f"scenario.error_budget[{which}]", f"{budget:g}")] if budget is not None else []
        properties += [(f"scenario.verdict[{which}: {row}]", row.verdict.value) for row in one.record.objectives]
    return properties


def policy_properties(rows: Iterable[PolicyRow]) -> list[Property]:
    """`policy.verdict[deny stranger -> *]`, and the numbers of what was judged and what missed it."""
    properties: list[Property] = []
    for row in rows:
        which = f"[{row.requirement}]"
        properties.append((f"policy.verdict{which}", row.verdict.value))
        properties += [(f"policy.judged{which}", str(row.judged)), (f"policy.misses{which}", str(row.misses))]
    return properties


def load_properties(bursts: Sequence[Burst]) -> list[Property]:
    """`load.*`: the amount and results of the load; times are medians over the bursts.

    With several routes, `load.requests[checkout]`, `load.failed[checkout]` and `load.p95_ms[checkout]` are each one's own; a
    journey has its runs in `load.journeys[buy]`, `load.journeys_failed[buy]` and `load.journey_p95_ms[buy]`.
    """
    if not bursts:
        return []
    overall = [burst.overall for burst in bursts]
    properties = [
        ("load.bursts", str(len(bursts))),
        ("load.requests", str(sum(figures.count for figures in overall))),
        ("load.failed", str(sum(figures.failed for figures in overall))),
        ("load.rps", f"{median(figures.rate for figures in overall):.1f}"),
    ]
    for name in ("p50", "p90", "p95", "p99", "max"):
        properties += _median(f"load.{name}_ms", (getattr(figures, name) for figures in overall))
    properties += [*_route_properties(bursts), *_journey_properties(bursts)]
    lags = [burst.send_lag.p99 for burst in bursts if burst.send_lag is not None]
    if lags:
        properties.append(("load.send_lag_p99_us", f"{max(lags):.0f}"))
    return properties


def _route_properties(bursts: Sequence[Burst]) -> Iterator[Property]:
    figures: dict[str, list[LatencyFigures]] = {}
    for burst in bursts:
        for one in burst.routes:
            figures.setdefault(one.route, []).append(one.figures)
    for route, parts in figures.items() if len(figures) > 1 else ():
        yield f"load.requests[{route}]", str(sum(part.count for part in parts))
        yield f"load.failed[{route}]", str(sum(part.failed for part in parts))
        yield from _median(f"load.p95_ms[{route}]", (part.p95 for part in parts))


def _journey_properties(bursts: Sequence[Burst]) -> Iterator[Property]:
    summaries: dict[str, list[JourneySummary]] = {}
    for burst in bursts:
        for one in burst.journeys:
            summaries.setdefault(one.journey, []).append(one)
    for journey, parts in summaries.items():
        yield f"load.journeys[{journey}]", str(sum(part.count for part in parts))
        yield f"load.journeys_failed[{journey}]", str(sum(part.failed for part in parts))
        yield from _median(f"load.journey_p95_ms[{journey}]", (part.p95 for part in parts))


def _largest(name: str, values: Iterable[float | None]) -> Iterator[Property]:
    """The largest value; nothing if one of them is unknown, or without any."""
    known = list(values)
    if known and None not in known:
        yield name, f"{max(value for value in known if value is not None):.3f}"


def _median(name: str, values: Iterable[float | None]) -> Iterator[Property]:
    """The median of the known values; nothing without any."""
    known = [value for value in values if value is not None]
    if known:
        yield name, f"{median(known):.3f}"
