"""The load that a workload plans, by the tags that its document gives. Pure, and usable before any host is known."""

from __future__ import annotations

from collections.abc import Iterator

from kindgate.slo.planned_load import PlannedLoad, PlannedSeries
from kindgate.workload.model import Workload, WorkloadJourney, WorkloadRoute


def planned_load(workload: Workload, arrivals: int) -> PlannedLoad:
    """The load of a burst with `arrivals` single requests and journeys; its tags lack host and version.

    What another program sends is not known.
    """
    if workload.program:
        return PlannedLoad((PlannedSeries({}, arrivals),), unknown=True)
    weights = dict(workload.weights)
    total = sum(weights.values())
    counts = {name: arrivals * weight // total for name, weight in weights.items() if weight}
    singles = [PlannedSeries(_tags(route), counts[route.name]) for route in workload.routes if route.name in counts]
    journeys = [journey for journey in workload.journeys if journey.name in counts]
    steps = [
        PlannedSeries({**_tags(request), "journey": journey.name}, counts[journey.name])
        for journey in journeys
        for request in _requests(workload, journey)
    ]
    return PlannedLoad((*singles, *steps), tuple(PlannedSeries({"journey": one.name}, counts[one.name]) for one in journeys))


def _requests(workload: Workload, journey: WorkloadJourney) -> Iterator[WorkloadRoute]:
    named = {route.name: route for route in workload.routes}
    for step in journey.steps:
        yield step.route if isinstance(step.route, WorkloadRoute) else named[step.route]


def _tags(route: WorkloadRoute) -> dict[str, str]:
    return {**dict(route.tags), "route": route.name, "method": route.method}
