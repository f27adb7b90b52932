"""The figures of episodes that objectives are about: counts of lost requests, and times aggregated over repeated episodes. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

from kindgate.slo.episode import Episode, Phase, Requests
from kindgate.slo.episode_objectives import ERROR_BUDGET, LOST, OUTAGE, P95, RECOVERY, SCALE_OUT_TIME, EpisodeThreshold


def sent_during(episode: Episode) -> int:
    """Number of requests scheduled from the beginning of the action on: without any, an episode shows nothing."""
    return sum(phase.requests.scheduled for phase in episode.phases if phase.phase is not Phase.BEFORE)


def back_at_once(episodes: Iterable[Episode]) -> bool:
    """Whether the steady state was back when the action ended, so that nothing could go wrong in between."""
    return all(episode.marks.recovered is not None and episode.marks.recovered <= episode.marks.ended for episode in episodes)


def covered(threshold: EpisodeThreshold, episode: Episode) -> Requests:
    """The requests of the part of an episode that a threshold is about."""
    tags = threshold.tag_map
    if "route" in tags:
        return total(route.requests for route in episode.routes if route.route == tags["route"])
    if "phase" in tags:
        return total(phase.requests for phase in episode.phases if phase.phase == tags["phase"])
    return episode.requests


def total(parts: Iterable[Requests]) -> Requests:
    """The sum of counts."""
    counts = tuple(parts)
    return Requests(
        sum(count.scheduled for count in counts),
        sum(count.failed for count in counts),
        sum(count.unanswered for count in counts),
        sum(count.sent_twice for count in counts),
    )


def lost_of(threshold: EpisodeThreshold, requests: Requests) -> int:
    """Number of lost requests of the kind that a threshold is about."""
    kinds = {"failed": requests.failed, "unanswered": requests.unanswered, "sent_twice": requests.sent_twice}
    return kinds.get(threshold.tag_map.get("kind", ""), requests.lost)


def measure(threshold: EpisodeThreshold, episodes: Sequence[Episode]) -> float | None:
    """The left side of a threshold over all `episodes`; None without data, infinity for a time that did not end."""
    requests = total(covered(threshold, episode) for episode in episodes)
    if threshold.metric.name in {LOST, ERROR_BUDGET}:
        return of_lost(threshold, lost_of(threshold, requests), requests.scheduled)
    values = [value for episode in episodes if (value := time_of(threshold, episode)) is not None]
    return _aggregated(threshold, values) if values else None


def of_lost(threshold: EpisodeThreshold, lost: int, scheduled: int) -> float | None:
    """The left side of a threshold about lost requests, in terms of their number: a count, or a share."""
    if threshold.expression.aggregation == "count":
        return float(lost)
    if not scheduled:
        return None
    share = lost / scheduled
    return share / threshold.allowed if threshold.metric.name == ERROR_BUDGET and threshold.allowed else share


def time_of(threshold: EpisodeThreshold, episode: Episode) -> float | None:
    """The figure of one episode in milliseconds; None without data, infinity if what it measures did not end."""
    name = threshold.metric.name
    if name == RECOVERY:
        return math.inf if episode.recovery is None else episode.recovery
    if name == OUTAGE:
        route = threshold.tag_map.get("route")
        outages = [one.outage for one in episode.routes if route in {None, one.route}]
        return 1000 * max(outages) if outages else None
    if name == P95:
        phase = next((one for one in episode.phases if one.phase == threshold.tag_map["phase"] and one.requests.scheduled), None)
        return None if phase is None else math.inf if phase.p95 is None else phase.p95
    if name == SCALE_OUT_TIME:
        return until_more_pods(episode)
    return episode.first_success


def until_more_pods(episode: Episode) -> float | None:
    """Milliseconds from the beginning of the action until a workload had more ready pods than then.

    Infinity if none had; None if the number of ready pods is unknown.
    """
    began = episode.marks.began
    counts = sorted(episode.replicas, key=lambda count: count.at)
    before = {count.workload: count.ready for count in counts if count.at <= began}
    if not before:
        return None
    more = (count.at for count in counts if count.at > began and count.ready > before.get(count.workload, count.ready))
    return 1000 * (next(more, math.inf) - began)


def _aggregated(threshold: EpisodeThreshold, values: Sequence[float]) -> float:
    """The aggregation of one figure per episode; a percentile is the smallest one that this share of them does not exceed."""
    ordered = sorted(values)
    quantile = threshold.expression.quantile
    if quantile is not None:
        return ordered[max(0, math.ceil(quantile / 100 * len(ordered)) - 1)]
    aggregations: dict[str, Callable[[Sequence[float]], float]] = {
        "avg": statistics.fmean,
        "min": min,
        "max": max,
        "med": statistics.median,
    }
    return aggregations[threshold.expression.aggregation](ordered)
