"""`Workload` -> a YAML document that a person keeps: short mappings in one line, comments, and commented-out entries. Pure.

`document.parse_workload` reads the same workload back.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

from kindgate.duration import duration_seconds
from kindgate.load.expectation import Extraction
from kindgate.workload.document_values import NUMBER
from kindgate.workload.model import (
    GROUP,
    CountedNumber,
    DataSource,
    EnvironmentValue,
    ExpectedResponse,
    FileBody,
    FileRows,
    FormBody,
    JsonBody,
    LoadShape,
    LocustLoad,
    RandomChoice,
    RandomNumber,
    RandomUuid,
    RequestBody,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)

LINE_LENGTH = 110
"""Maximum length of a mapping or list that is written in one line."""

_TAG = "tag:yaml.org,2002:"
_FOLDED = re.compile("[\r\x85\u2028\u2029\ufeff]")
"""Characters that YAML 1.1 reads as line breaks, or drops, unless they are escaped."""


def workload_yaml(workload: Workload, *, header: Sequence[str] = (), disabled: Collection[tuple[str, str]] = ()) -> str:
    """The document of a workload, below `header` as comment lines.

    `disabled` entries, given as section and name (`("routes", "checkout")`), are comments in their place: removing the `# `
    enables them.
    """
    settings = {
        "host": workload.host,
        "http": "" if workload.http == "1.1" else workload.http,
        "redirects": workload.redirects,
        "load": _load(workload.load),
        "locust": _locust(workload.locust) if workload.locust is not None else None,
        "k6": {"file": workload.k6.file} if workload.k6 is not None else None,
    }
    parts = [_comment("\n".join(header)) if header else ""]
    parts += [_section(key, value) for key, value in settings.items() if value]
    data = [(source.name, _section(source.name, _data_source(source))) for source in workload.data]
    parts.append(_entries("data", data, disabled))
    for key, requests in (("setup", workload.setup), ("teardown", workload.teardown), ("routes", workload.routes)):
        parts.append(_entries(key, [(one.name, _item(_request(one))) for one in requests], disabled))
    parts.append(_entries("journeys", [(one.name, _item(_journey(one))) for one in workload.journeys], disabled))
    if workload.mix:
        parts.append(_section("mix", dict(workload.mix)))
    return "".join(parts)


def _entries(key: str, entries: Sequence[tuple[str, str]], disabled: Collection[tuple[str, str]]) -> str:
    """A section whose entries are texts by name; if all of them are comments, so is its key."""
    is_disabled = {name: (key, name) in disabled for name, _ in entries}
    if all(is_disabled.values()):
        return _comment(f"{key}:\n" + "".join(_indented(text) for _, text in entries)) if entries else ""
    return f"{key}:\n" + "".join(_comment(text, "  ") if is_disabled[name] else _indented(text) for name, text in entries)


def _load(load: LoadShape) -> dict[str, Any]:
    stages = [{"duration": _duration(stage.duration), "target": stage.target} for stage in load.stages]
    duration = None if load.duration is None else _duration(load.duration)
    return _present(rate=load.rate, duration=duration, stages=stages or None, arrival=dict(load.streams) or load.arrival)


def _locust(locust: LocustLoad) -> dict[str, Any]:
    workers = None if locust.workers == 1 else locust.workers
    return _present(file=locust.file, users=locust.users, spawn_rate=locust.spawn_rate, workers=workers)


def _data_source(source: DataSource) -> object:
    match source:
        case FileRows():
            return _present(**{source.format: source.file}, order=None if source.order == "sequential" else source.order)
        case RandomUuid():
            return "uuid"
        case CountedNumber():
            return "counter" if source.start == 1 else {"counter": source.start}
        case RandomNumber():
            return {"int": [source.low, source.high]}
        case RandomChoice():
            return {"choice": list(source.values)}
        case EnvironmentValue():
            return {"secret" if source.secret else "env": source.variable}


def _request(route: WorkloadRoute) -> dict[str, Any]:
    """One request, without the keys that have their default."""
    default_method = "POST" if route.body is not None else "GET"
    tags = dict(route.tags)
    group = tags.pop(GROUP, None)
    return _present(
        name=route.name,
        method=None if route.method == default_method else route.method,
        path=route.path,
        host=route.host or None,
        weight=None if route.weight == 1 else route.weight,
        headers=dict(route.headers) or None,
        body=None if route.body is None else _body(route.body),
        timeout=None if route.timeout is None else _duration(route.timeout),
        group=group,
        tags=tags or None,
        expect=_expect(route.expect) or None,
        extract=_extract(route.extract),
    )


def _body(body: RequestBody) -> dict[str, Any]:
    match body:
        case JsonBody():
            return {"json": body.value}
        case TextBody():
            return {"text": body.text}
        case FormBody():
            return {"form": dict(body.fields)}
        case FileBody():
            return {"file": body.file}


def _expect(expect: ExpectedResponse) -> dict[str, Any]:
    statuses = [_status(*status) for status in expect.statuses]
    size = _present(min=expect.size_min, max=expect.size_max)
    return _present(
        status=(statuses[0] if len(statuses) == 1 else statuses) if statuses else None,
        headers=dict(expect.headers) or None,
        contains=expect.contains or None,
        json=dict(expect.json) or None,
        exists=list(expect.exists) or None,
        schema=expect.schema,
        sample=expect.sample,
        size=(expect.size_min if expect.size_min == expect.size_max else size) if size else None,
    )


def _status(low: int, high: int) -> object:
    return low if low == high else f"{low // 100}xx"


def _extract(extractions: Sequence[Extraction]) -> dict[str, Any] | None:
    return {each.name: {each.source: each.expression} for each in extractions} or None


def _journey(journey: WorkloadJourney) -> dict[str, Any]:
    weight = None if journey.weight == 1 else journey.weight
    return _present(name=journey.name, weight=weight, steps=[_step(step) for step in journey.steps])


def _step(step: WorkloadStep) -> dict[str, Any]:
    think = _duration(step.think) if step.think else None
    if isinstance(step.route, WorkloadRoute):
        return _request(step.route) | _present(think=think)
    return _present(route=step.route, extract=_extract(step.extract), think=think)


def _present(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _duration(seconds: float) -> str:
    """A duration as people write it, if it means exactly `seconds`."""
    for text in (f"{seconds * 1000:g}ms" if seconds < 1 else "", f"{seconds:g}s"):
        if text and "e" not in text and duration_seconds(text) == seconds:
            return text
    return repr(seconds)


def _comment(text: str, indent: str = "") -> str:
    return "".join(f"{indent}# {line}".rstrip() + "\n" for line in text.splitlines())


def _indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as in PyYAML
        """Indent one level more."""
        super().increase_indent(flow, indentless=False)


def _section(key: str, value: object) -> str:
    """A key and its value, on lines of their own."""
    return _yaml(yaml.MappingNode(f"{_TAG}map", [(_node(key), _node(value))], flow_style=False))


def _item(entry: Mapping[str, object]) -> str:
    """An item of a list, with a line for each of its keys."""
    node = yaml.MappingNode(f"{_TAG}map", [(_node(key), _node(value)) for key, value in entry.items()], flow_style=False)
    return _yaml(yaml.SequenceNode(f"{_TAG}seq", [node], flow_style=False))


def _yaml(node: yaml.Node) -> str:
    return str(yaml.serialize(node, Dumper=_Dumper, width=10_000, allow_unicode=True))


def _style(text: str) -> str | None:
    """The quotes that a text needs besides those that PyYAML adds."""
    if _FOLDED.search(text):
        return '"'
    return "|" if "\n" in text else "'" if NUMBER.fullmatch(text) else None


def _node(value: object) -> yaml.Node:
    """The YAML node of a value; collections that fit into a line are written in one."""
    if isinstance(value, Mapping):
        return _collection(yaml.MappingNode(f"{_TAG}map", [(_node(str(key)), _node(item)) for key, item in value.items()]))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _collection(yaml.SequenceNode(f"{_TAG}seq", [_node(item) for item in value]))
    if isinstance(value, str):
        return yaml.ScalarNode(f"{_TAG}str", value, style=_style(value))
    node: yaml.Node = yaml.SafeDumper(io.StringIO()).represent_data(value)
    return node


def _collection(node: yaml.CollectionNode) -> yaml.CollectionNode:
    children = [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
    fits = all(child.flow_style if isinstance(child, yaml.CollectionNode) else child.style != "|" for child in children)
    if len(children) > 1 and all(isinstance(child, yaml.MappingNode) for child in children):
        fits = False
    node.flow_style = True
    node.flow_style = fits and len(_yaml(node)) <= LINE_LENGTH
    return node
