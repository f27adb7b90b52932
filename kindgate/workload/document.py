"""`workload:` in YAML -> `Workload`. Pure; every error has file, line, column and a caret.

```yaml
workload:
  data:
    user: {csv: users.csv}
  routes:
    - {name: search, path: "/products?q=shoe", weight: 6}
    - {name: login, method: POST, path: /login, body: {json: {email: "{user.email}"}}, weight: 0}
  journeys:
    - name: buy
      steps:
        - {route: login, extract: {token: {json: token}}}
        - {name: cart, path: /cart, headers: {Authorization: "Bearer {token}"}, think: 500ms}
```
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeVar, cast

import yaml

from kindgate.load.plan import MAX_BLOCK, MAX_REDIRECTS
from kindgate.slo.slo_file import LIMITS as SLO_FILE_LIMITS
from kindgate.source_location import Source
from kindgate.workload.document_data import read_data
from kindgate.workload.document_journeys import read_journeys
from kindgate.workload.document_programs import PROGRAM_KEYS, read_k6, read_locust, refuse_without_effect
from kindgate.workload.document_requests import read_host, read_requests, read_weight
from kindgate.workload.document_values import listed, read_choice, read_file_name, read_integer, read_rate, read_seconds
from kindgate.workload.model import GROUP, Arrival, LoadShape, LoadStage, Workload, WorkloadJourney, WorkloadRoute
from kindgate.workload.names import refuse_unknown_names
from kindgate.yaml_document import NULL, DocumentLimits, YamlDocument

WORKLOAD_KEYS: Final = ("host", "http", "redirects", "load", "data", "setup", "teardown", "routes", "journeys", "mix", "locust", "k6")

LIMITS: Final = DocumentLimits(characters=512 * 1024, depth=24, events=50_000)
"""Of a document with a workload only: 200 routes with bodies of a kilobyte."""

WEIGHTS_LIMIT: Final = MAX_BLOCK // 2
"""Maximum sum of the weights: a comparison sends everything to two versions."""

_KEY = "workload"
_STAGES_LIMIT = 100

_Value = TypeVar("_Value")
_Pair = tuple[yaml.Node, yaml.Node]


@dataclass(frozen=True)
class IncludedWorkload:
    """A workload in a file of its own, relative to the document's folder; `source` is the place of its name."""

    file: str
    source: Source = field(compare=False)


def parse_slo_document(text: str, file: str = "slo.yaml", folder: Path = Path()) -> Workload | IncludedWorkload | None:
    """The workload of an SLO file; None if it has none. `file` is its name in errors; its files are relative to `folder`."""
    document = YamlDocument(text, file, SLO_FILE_LIMITS, reduce="move the workload into a file: workload: FILE", fill="add workload:")
    root = document.root()
    nodes = {document.source(key).text: value for key, value in document.pairs(root, "the document")}
    node = nodes.get(_KEY)
    if node is None or node.tag == NULL:
        return None
    if isinstance(node, yaml.ScalarNode):
        source = document.source(node)
        return IncludedWorkload(read_file_name(source), source)
    return _read(document, node, folder)


def parse_workload(text: str, file: str = "workload.yaml", folder: Path = Path()) -> Workload:
    """A workload from a document of its own, which holds the keys below `workload:`."""
    document = YamlDocument(text, file, LIMITS, reduce="write fewer routes", fill="add routes: with at least one request")
    return _read(document, document.root(), folder)


def _read(document: YamlDocument, node: yaml.Node, folder: Path) -> Workload:
    parts = document.mapping(node, WORKLOAD_KEYS, "the workload")
    if not parts.keys().isdisjoint(PROGRAM_KEYS):
        refuse_without_effect(document, node, parts)
        return Workload(
            locust=read_locust(document, parts["locust"]) if "locust" in parts else None,
            k6=read_k6(document, parts["k6"]) if "k6" in parts else None,
            load=_load(document, parts["load"], ()) if "load" in parts else LoadShape(),
            host=read_host(document.scalar(parts["host"], "a host")) if "host" in parts else "",
            folder=folder,
            sources=document.sources(node),
        )
    routes = read_requests(document, parts["routes"], "routes", weighted=True) if "routes" in parts else ()
    journeys = read_journeys(document, parts["journeys"], routes) if "journeys" in parts else ()
    workload = Workload(
        routes=routes,
        journeys=journeys,
        data=read_data(document, parts["data"]) if "data" in parts else (),
        setup=read_requests(document, parts["setup"], "setup") if "setup" in parts else (),
        teardown=read_requests(document, parts["teardown"], "teardown") if "teardown" in parts else (),
        load=_load(document, parts["load"], _stream_names(routes, journeys)) if "load" in parts else LoadShape(),
        host=read_host(document.scalar(parts["host"], "a host")) if "host" in parts else "",
        http=_http_version(document, parts),
        redirects=_redirects(document, parts),
        folder=folder,
        sources=document.sources(node),
    )
    mix = _read_mix(document, parts["mix"], dict(workload.weights)) if "mix" in parts else ()
    workload = replace(workload, mix=mix)
    total = sum(weight for _, weight in workload.weights)
    if not total:
        raise document.source(node).error(
            "the workload has nothing to send", 0, 1, next_step="add a route or a journey with a weight above 0"
        )
    if total > WEIGHTS_LIMIT:
        raise document.source(node).error(
            f"the weights add up to {total}, more than {WEIGHTS_LIMIT}", 0, 1, next_step="divide them by a common factor"
        )
    refuse_unknown_names(workload)
    return workload


def _http_version(document: YamlDocument, parts: Mapping[str, yaml.Node]) -> Literal["1.1", "2"]:
    if "http" not in parts:
        return "1.1"
    version = read_choice(document.scalar(parts["http"], "a version"), ("1.1", "2"), "a supported version of HTTP")
    return cast(Literal["1.1", "2"], version)


def _redirects(document: YamlDocument, parts: Mapping[str, yaml.Node]) -> int:
    if "redirects" not in parts:
        return 0
    return read_integer(document.scalar(parts["redirects"], "a number"), 0, MAX_REDIRECTS, "the number of redirects")


def _stream_names(routes: Sequence[WorkloadRoute], journeys: Sequence[WorkloadJourney]) -> tuple[str, ...]:
    """The names by which arrival processes can be chosen: of routes and journeys, and of groups of routes."""
    groups = (dict(route.tags).get(GROUP, "") for route in routes)
    named = (*(route.name for route in routes), *(journey.name for journey in journeys))
    return tuple(dict.fromkeys((*named, *(group for group in groups if group))))


def _load(document: YamlDocument, node: yaml.Node, names: Collection[str]) -> LoadShape:
    parts = document.mapping(node, ("rate", "duration", "stages", "arrival"), "load")
    if "stages" in parts and "duration" in parts:
        raise document.source(parts["duration"]).error("the stages define the duration", next_step="remove duration or stages")
    rate = parts.get("rate")
    duration = parts.get("duration")
    arrival = parts.get("arrival")
    return LoadShape(
        rate=None if rate is None else read_rate(document.scalar(rate, "a number"), "the rate"),
        duration=None if duration is None else read_seconds(document.scalar(duration, "a duration"), "the duration"),
        stages=_stages(document, parts["stages"]) if "stages" in parts else (),
        arrival=_arrival(document, arrival) if isinstance(arrival, yaml.ScalarNode) else None,
        streams=() if arrival is None or isinstance(arrival, yaml.ScalarNode) else _read_streams(document, arrival, names),
    )


def _read_streams(document: YamlDocument, node: yaml.Node, names: Collection[str]) -> tuple[tuple[str, Arrival], ...]:
    """The arrival processes by the name of a route, a journey or a group."""
    streams = _by_name(document, document.pairs(node, "arrival"), names, "route, journey or group", _arrival)
    if not streams:
        raise document.source(node).error("no arrival process is named", 0, 1, next_step="write uniform, or {search: uniform}")
    return streams


def _by_name(
    document: YamlDocument, pairs: Iterable[_Pair], known: Collection[str], kinds: str, read: Callable[[YamlDocument, yaml.Node], _Value]
) -> tuple[tuple[str, _Value], ...]:
    """The values of a mapping whose keys are `known` names of `kinds`."""
    values = []
    for key, value in pairs:
        name = document.source(key)
        if name.text not in known:
            raise name.error(f"no {kinds} is named {name.text!r}", next_step=f"known names: {listed(known)}")
        values.append((name.text, read(document, value)))
    return tuple(values)


def _arrival(document: YamlDocument, node: yaml.Node) -> Arrival:
    arrival = read_choice(document.scalar(node, "an arrival process"), ("poisson", "uniform"), "an arrival process")
    return cast(Arrival, arrival)


def _stages(document: YamlDocument, node: yaml.Node) -> tuple[LoadStage, ...]:
    if not isinstance(node, yaml.SequenceNode) or not 1 <= len(node.value) <= _STAGES_LIMIT:
        raise document.source(node).error(
            f"stages must be a list of 1 to {_STAGES_LIMIT} ramps", next_step="write [{duration: 10s, target: 300}]"
        )
    return tuple(_stage(document, item) for item in node.value)


def _stage(document: YamlDocument, node: yaml.Node) -> LoadStage:
    parts = document.mapping(node, ("duration", "target"), "a stage")
    for key in ("duration", "target"):
        if key not in parts:
            raise document.source(node).error(f"the stage has no {key}", 0, 1, next_step="write {duration: 10s, target: 300}")
    duration = read_seconds(document.scalar(parts["duration"], "a duration"), "the duration")
    return LoadStage(duration, read_rate(document.scalar(parts["target"], "a number"), "the target", zero=True))


def _read_mix(document: YamlDocument, node: yaml.Node, known: Collection[str]) -> tuple[tuple[str, int], ...]:
    weights = _by_name(document, document.pairs(node, "mix"), known, "route or journey", _weight)
    if not weights:
        raise document.source(node).error("the mix is empty", 0, 1, next_step="write the weights by name, as in {search: 6, buy: 1}")
    return weights


def _weight(document: YamlDocument, node: yaml.Node) -> int:
    return read_weight(document.scalar(node, "a weight"))
