"""The section `journeys:` of a workload document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import yaml

from kindgate.workload.document_data import read_extractions
from kindgate.workload.document_requests import REQUEST_KEYS, read_request, read_weight
from kindgate.workload.document_values import listed, read_label, read_seconds
from kindgate.workload.model import WorkloadJourney, WorkloadRoute, WorkloadStep
from kindgate.yaml_document import YamlDocument

JOURNEYS_LIMIT: Final = 50
STEPS_LIMIT: Final = 50
"""Maximum number of steps of one journey."""

REFERENCE_KEYS: Final = ("route", "extract", "think")
"""Keys of a step that takes a route by its name."""

INLINE_KEYS: Final = (*REQUEST_KEYS, "think")
"""Keys of a step with a request of its own."""


def read_journeys(document: YamlDocument, node: yaml.Node, routes: Sequence[WorkloadRoute]) -> tuple[WorkloadJourney, ...]:
    """All journeys, whose steps may be `routes`. Raises `SloError`, pointing at the text."""
    if not isinstance(node, yaml.SequenceNode):
        raise document.source(node).error("journeys must be a list", 0, 1, next_step="write - name: ... and steps: for each journey")
    if len(node.value) > JOURNEYS_LIMIT:
        raise document.source(node.value[JOURNEYS_LIMIT]).error(f"more than {JOURNEYS_LIMIT} journeys", 0, 1)
    names = {route.name for route in routes}
    taken = set(names)
    journeys = []
    for item in node.value:
        journey = _journey(document, item, names, taken)
        taken.add(journey.name)
        journeys.append(journey)
    return tuple(journeys)


def _journey(document: YamlDocument, node: yaml.Node, routes: Collection[str], taken: Collection[str]) -> WorkloadJourney:
    parts = document.mapping(node, ("name", "weight", "steps"), "a journey")
    for key, example in (("name", "name: buy"), ("steps", "steps: [{route: login}]")):
        if key not in parts:
            raise document.source(node).error(f"the journey has no {key}", 0, 1, next_step=f"add {key}, as in {example}")
    name = document.scalar(parts["name"], "a name")
    if name.text in taken:
        raise name.error(f"another route or journey is named {name.text!r}", next_step="choose a different name")
    steps = parts["steps"]
    if not isinstance(steps, yaml.SequenceNode) or not 1 <= len(steps.value) <= STEPS_LIMIT:
        raise document.source(steps).error(f"steps must be a list of 1 to {STEPS_LIMIT} requests", 0, 1)
    return WorkloadJourney(
        name=read_label(name, "the name of a journey"),
        steps=tuple(_steps(document, steps.value, routes)),
        weight=read_weight(document.scalar(parts["weight"], "a number")) if "weight" in parts else 1,
    )


def _steps(document: YamlDocument, nodes: Sequence[yaml.Node], routes: Collection[str]) -> Iterator[WorkloadStep]:
    inline: set[str] = set()
    for node in nodes:
        keys = {document.source(key).text for key, _ in document.pairs(node, "a step")}
        if "route" in keys:
            yield _reference(document, node, routes)
            continue
        parts = document.mapping(node, INLINE_KEYS, "a step")
        request = read_request(document, node, parts)
        if request.name in routes:
            raise document.source(parts["name"]).error(
                f"a route is named {request.name!r}", next_step=f"write {{route: {request.name}}} to use it, or choose a different name"
            )
        if request.name in inline:
            raise document.source(parts["name"]).error(f"two steps of the journey are named {request.name!r}")
        inline.add(request.name)
        yield WorkloadStep(request, think=_think(document, parts))


def _reference(document: YamlDocument, node: yaml.Node, routes: Collection[str]) -> WorkloadStep:
    parts = document.mapping(node, REFERENCE_KEYS, "a step that names a route")
    if "route" not in parts:
        raise document.source(node).error("the route is missing", 0, 1, next_step="write {route: NAME}, or a request with name and path")
    route = document.scalar(parts["route"], "the name of a route")
    if route.text not in routes:
        known = f"known routes: {listed(routes)}" if routes else "add it to routes:"
        raise route.error(f"no route is named {route.text!r}", next_step=known)
    extract = read_extractions(document, parts["extract"]) if "extract" in parts else ()
    return WorkloadStep(route.text, extract, _think(document, parts))


def _think(document: YamlDocument, parts: Mapping[str, yaml.Node]) -> float:
    return read_seconds(document.scalar(parts["think"], "a duration"), "the pause", zero=True) if "think" in parts else 0.0
