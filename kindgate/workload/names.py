"""Where the names in placeholders are defined, and whether a request may use them. Pure.

A request of the setup uses data and what earlier setup requests extract; a route uses data and the whole setup; a step also
uses what earlier steps of its journey extract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from kindgate.load.expectation import Extraction
from kindgate.load.variables import RUN
from kindgate.workload.document_values import listed
from kindgate.workload.model import (
    FileRows,
    FormBody,
    Json,
    JsonBody,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)
from kindgate.workload.placeholders import Reference, references
from kindgate.yaml_document import Location


@dataclass(frozen=True)
class TemplatedRequest:
    """A request that is sent, where it is in the document, and the `names` that it may use besides those of the data.

    `alone`: outside of journeys.
    """

    request: WorkloadRoute
    location: Location
    names: frozenset[str]
    alone: bool = False


def requests_with_names(workload: Workload) -> Iterator[TemplatedRequest]:
    """Every request that the workload can send; a route once for itself unless only steps use it, and once for each step."""
    setup = frozenset(extraction.name for request in workload.setup for extraction in request.extract)
    yield from _sequence(workload.setup, ("setup",), frozenset())
    yield from _sequence(workload.teardown, ("teardown",), setup)
    weights = dict(workload.weights)
    steps = {step.route for journey in workload.journeys for step in journey.steps if isinstance(step.route, str)}
    for index, route in enumerate(workload.routes):
        if weights[route.name] or route.name not in steps:
            yield TemplatedRequest(route, ("routes", index), setup, alone=True)
    for index, journey in enumerate(workload.journeys):
        yield from _journey(workload, journey, index, setup)


def written_requests(workload: Workload) -> Iterator[tuple[WorkloadRoute, Location]]:
    """Every request that is written in the document, with its place."""
    for section, requests in (("setup", workload.setup), ("teardown", workload.teardown), ("routes", workload.routes)):
        yield from ((request, (section, index)) for index, request in enumerate(requests))
    for index, journey in enumerate(workload.journeys):
        for number, step in enumerate(journey.steps):
            if isinstance(step.route, WorkloadRoute):
                yield step.route, ("journeys", index, "steps", number)


def texts_of(request: WorkloadRoute, location: Location) -> Iterator[tuple[Location, str]]:
    """Every text of a request that may hold placeholders, with its place in the document."""
    yield (*location, "path"), request.path
    for name, value in request.headers:
        yield (*location, "headers", name), value
    match request.body:
        case JsonBody(document):
            yield from _json_texts(document, (*location, "body", "json"))
        case TextBody(text):
            yield (*location, "body", "text"), text
        case FormBody(fields):
            yield from (((*location, "body", "form", name), text) for name, text in fields)


def refuse_unknown_names(workload: Workload) -> None:
    """Raise `SloError`, pointing at the text, for a name that is defined twice, or unknown where a request uses it."""
    _refuse_twice(workload)
    for sent in requests_with_names(workload):
        for location, text in texts_of(sent.request, sent.location):
            for reference in references(text):
                problem, advice = _problem(reference, sent, workload)
                if problem:
                    raise workload.source(*location).error(problem, reference.start, reference.end, next_step=advice)


def _problem(reference: Reference, sent: TemplatedRequest, workload: Workload) -> tuple[str, str]:
    """The problem of a placeholder, and the advice; two empty texts without one."""
    source = next((source for source in workload.data if source.name == reference.value), None)
    if source is None and reference.value not in sent.names | {RUN}:
        return _unknown(reference, sent, workload)
    if reference.column and not isinstance(source, FileRows):
        return f"{reference.value!r} has no columns", f"write {{{reference.value}}}"
    if isinstance(source, FileRows) and source.format == "csv" and not reference.column:
        return f"{reference.value!r} has columns", f"name one: {{{reference.value}.COLUMN}}"
    return "", ""


def _sequence(requests: Sequence[WorkloadRoute], section: Location, names: frozenset[str]) -> Iterator[TemplatedRequest]:
    for index, request in enumerate(requests):
        yield TemplatedRequest(request, (*section, index), names)
        names |= {extraction.name for extraction in request.extract}


def _journey(workload: Workload, journey: WorkloadJourney, index: int, names: frozenset[str]) -> Iterator[TemplatedRequest]:
    routes = {route.name: (number, route) for number, route in enumerate(workload.routes)}
    for number, step in enumerate(journey.steps):
        if isinstance(step.route, WorkloadRoute):
            request = step.route
            yield TemplatedRequest(request, ("journeys", index, "steps", number), names)
        else:
            position, request = routes[step.route]
            yield TemplatedRequest(request, ("routes", position), names)
        names |= {extraction.name for extraction in (*request.extract, *step.extract)}


def _json_texts(value: Json, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _json_texts(part, (*location, key))
    elif isinstance(value, Sequence):
        for index, part in enumerate(value):
            yield from _json_texts(part, (*location, index))


def _unknown(reference: Reference, sent: TemplatedRequest, workload: Workload) -> tuple[str, str]:
    """The problem of a name that the request may not use, and the advice."""
    if sent.alone and reference.value in _journey_names(workload):
        problem = f"{reference.value!r} is known only in a journey, and this route is also sent outside of journeys"
        return problem, "set weight: 0 to send it only as a step, or extract the value in setup:"
    known = listed({source.name for source in workload.data} | sent.names | {RUN})
    return f"unknown value {reference.value!r}", f"known values: {known}; for the text itself, write {{{{{reference.name}}}}}"


def _journey_names(workload: Workload) -> frozenset[str]:
    routes = (extraction.name for route in workload.routes for extraction in route.extract)
    steps = (step for journey in workload.journeys for step in journey.steps)
    return frozenset(routes).union(extraction.name for step in steps for extraction in _extracted(step))


def _extracted(step: WorkloadStep) -> tuple[Extraction, ...]:
    """What a step extracts besides the values of a route that it names."""
    return step.route.extract if isinstance(step.route, WorkloadRoute) else step.extract


def _refuse_twice(workload: Workload) -> None:
    shared = {source.name for source in workload.data}
    for section, requests in (("setup", workload.setup), ("teardown", workload.teardown)):
        for index, request in enumerate(requests):
            _refuse(workload, request.extract, (section, index), shared)
            shared |= {extraction.name for extraction in request.extract}
    for index, route in enumerate(workload.routes):
        _refuse(workload, route.extract, ("routes", index), shared)
    for index, journey in enumerate(workload.journeys):
        for number, step in enumerate(journey.steps):
            _refuse(workload, _extracted(step), ("journeys", index, "steps", number), shared)


def _refuse(workload: Workload, extracted: Iterable[Extraction], location: Location, shared: AbstractSet[str]) -> None:
    for extraction in extracted:
        if extraction.name in shared:
            source = workload.source(*location, "extract", extraction.name)
            raise source.error(f"the value {extraction.name!r} is already defined by data: or setup:", next_step="choose another name")
