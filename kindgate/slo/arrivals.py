"""How often the load that an objective is about came due: single requests, and the journeys with a step among its requests.

A step is sent only if the steps before it succeeded, so failures change the number of requests, but never that of arrivals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kindgate.slo.planned_load import PlannedLoad
from kindgate.slo.sample import BurstSample
from kindgate.slo.threshold import Selector

UNPLANNED_TAGS = frozenset({"arm", "host", "kind", "workload"})
"""Tags that a workload's document does not know: the version, the host in a cluster, the outcome, and what serves it."""


def planned_arrivals(selector: Selector, load: PlannedLoad) -> int:
    """Number of arrivals in a burst of `load` that `selector` is about, whatever their host, version and outcome."""
    chosen = planned_part(selector)
    if chosen.metric.per_journey:
        return load.size(chosen)
    matching = load.matching(chosen)
    journeys = {one.tags["journey"] for one in matching if "journey" in one.tags}
    singles = sum(one.count for one in matching if "journey" not in one.tags)
    return singles + sum(one.count for one in load.journeys if one.tags.get("journey") in journeys)


def measured_arrivals(selector: Selector, sample: BurstSample) -> int:
    """The same for a measured burst."""
    chosen = planned_part(selector)
    if chosen.metric.per_journey:
        return sum(journey.scheduled for journey in sample.journeys_matching(chosen.tag_map))
    matching = sample.matching(chosen.tag_map)
    journeys = {_identity(series.tags) for series in matching if "journey" in series.tags}
    singles = sum(series.scheduled for series in matching if "journey" not in series.tags)
    return singles + sum(journey.scheduled for journey in sample.journeys if _identity(journey.tags) in journeys)


def all_arrivals(sample: BurstSample) -> int:
    """Number of single requests and journeys that came due in a burst."""
    singles = sum(series.scheduled for series in sample.series if "journey" not in series.tags)
    return singles + sum(journey.scheduled for journey in sample.journeys)


def arrival_rate(samples: Sequence[BurstSample]) -> float | None:
    """Single requests per second of sending, over all bursts; None with journeys, whose steps are sent after their arrival."""
    seconds = sum(sample.seconds for sample in samples)
    if not seconds or any(sample.journeys for sample in samples):
        return None
    return sum(map(all_arrivals, samples)) / seconds


def planned_part(selector: Selector) -> Selector:
    """A selector without the tags that a workload's document does not know."""
    return Selector(selector.metric, tuple(tag for tag in selector.tags if tag[0] not in UNPLANNED_TAGS))


def _identity(tags: Mapping[str, str]) -> tuple[str, str]:
    """A journey and its version."""
    return tags.get("journey", ""), tags.get("arm", "")
