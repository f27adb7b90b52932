"""Which parts of an imported workload are sent: those that change nothing, and whatever they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from kindgate.load.variables import RUN
from kindgate.scaffold.workload_sources.selection import SAFE_METHODS
from kindgate.workload.model import (
    DataSource,
    FormBody,
    Json,
    JsonBody,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
)
from kindgate.workload.placeholders import references

Entry: TypeAlias = tuple[str, str]
"""An entry of a workload: its section (`routes`) and its name."""


def inactive_entries(workload: Workload) -> frozenset[Entry]:
    """Requests and journeys that are not sent without --unsafe.

    These are requests whose method may change data, journeys with such a step, and whatever uses a value that only these
    extract.
    """
    inactive: frozenset[Entry] = frozenset()
    while True:
        found = frozenset(_inactive(workload, inactive))
        if found == inactive:
            return inactive
        inactive = found


def active_part(workload: Workload, inactive: frozenset[Entry]) -> Workload:
    """The workload without what is inactive, and without data that nothing else uses."""
    part = replace(
        workload,
        routes=tuple(one for one in workload.routes if ("routes", one.name) not in inactive),
        journeys=tuple(one for one in workload.journeys if ("journeys", one.name) not in inactive),
        setup=tuple(one for one in workload.setup if ("setup", one.name) not in inactive),
        teardown=tuple(one for one in workload.teardown if ("teardown", one.name) not in inactive),
    )
    return replace(part, data=used_data(part, workload.data))


def used_data(workload: Workload, data: Sequence[DataSource]) -> tuple[DataSource, ...]:
    """The data that requests of the workload use."""
    used = {name for request in all_requests(workload) for name in placeholder_names(request)}
    return tuple(one for one in data if one.name in used)


def unused_data(workload: Workload, active: Workload) -> frozenset[Entry]:
    """The data that only inactive parts use."""
    return frozenset(("data", one.name) for one in workload.data) - frozenset(("data", one.name) for one in active.data)


def all_requests(workload: Workload) -> Iterator[WorkloadRoute]:
    """Every request of the workload, also those that exist only in a journey."""
    yield from (*workload.setup, *workload.routes)
    yield from (step.route for one in workload.journeys for step in one.steps if isinstance(step.route, WorkloadRoute))
    yield from workload.teardown


def placeholder_names(request: WorkloadRoute) -> frozenset[str]:
    """The names of the values that a request needs."""
    return frozenset(one.value for text in request_texts(request) for one in references(text))


def request_texts(request: WorkloadRoute) -> Iterator[str]:
    """The texts of a request that may hold placeholders."""
    yield request.path
    yield from (value for _, value in request.headers)
    match request.body:
        case JsonBody(value):
            yield from json_texts(value)
        case TextBody(text):
            yield text
        case FormBody(fields):
            yield from (value for _, value in fields)


def json_texts(value: Json) -> Iterator[str]:
    """The strings of a JSON value, without keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from json_texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from json_texts(item)


def json_keys(value: Json) -> Iterator[str]:
    """The keys of all objects in a JSON value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from json_keys(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from json_keys(item)


def _inactive(workload: Workload, inactive: frozenset[Entry]) -> Iterator[Entry]:
    """The entries that must be inactive, given those that are so far."""
    active = active_part(workload, inactive)
    known = frozenset(one.name for one in workload.data) | {RUN} | _extracted(active.setup)
    for section, requests in (("setup", workload.setup), ("teardown", workload.teardown)):
        yield from ((section, one.name) for one in requests if not _can_be_sent(one, known))
    in_journeys = {step.route for one in workload.journeys for step in one.steps if isinstance(step.route, str)}
    step_values = frozenset(name for one in active.journeys for name in _step_values(one))
    for one in workload.routes:
        if not _can_be_sent(one, known | step_values if one.name in in_journeys else known):
            yield "routes", one.name
    routes = {one.name: one for one in workload.routes}
    for journey in workload.journeys:
        steps = (routes[step.route] if isinstance(step.route, str) else step.route for step in journey.steps)
        if not all(_can_be_sent(one, known | _step_values(journey)) for one in steps):
            yield "journeys", journey.name


def _can_be_sent(request: WorkloadRoute, known: frozenset[str]) -> bool:
    """Whether a request changes nothing and all of its values are known."""
    return request.method in SAFE_METHODS and placeholder_names(request) <= known


def _extracted(requests: Iterable[WorkloadRoute]) -> frozenset[str]:
    return frozenset(value.name for one in requests for value in one.extract)


def _step_values(journey: WorkloadJourney) -> frozenset[str]:
    own = frozenset(value.name for step in journey.steps for value in step.extract)
    return own | _extracted(step.route for step in journey.steps if isinstance(step.route, WorkloadRoute))
