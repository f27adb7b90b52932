"""Requests of a workload document: the entries of `routes:`, `setup:` and `teardown:`, and steps that exist only in a journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from kindgate.load.plan import MAX_BLOCK
from kindgate.load.template import Template
from kindgate.load.wire import refuse_method, wire_header, wire_host, wire_path
from kindgate.source_location import Source
from kindgate.workload.document_data import read_extractions
from kindgate.workload.document_expect import read_expected_response
from kindgate.workload.document_values import pointing_at, read_file_name, read_integer, read_json, read_label, read_seconds
from kindgate.workload.model import GROUP, ExpectedResponse, FileBody, FormBody, JsonBody, RequestBody, TextBody, WorkloadRoute
from kindgate.workload.placeholders import split_text
from kindgate.yaml_document import YamlDocument

REQUESTS_LIMIT: Final = 200
"""Maximum number of entries of one list."""

REQUEST_KEYS: Final = (
    "name",
    "method",
    "path",
    "host",
    "headers",
    "body",
    "expect",
    "extract",
    "timeout",
    "tags",
    "group",
)
"""Keys of every request; a route also has a weight."""

RESERVED_TAGS: Final = frozenset({"arm", "expected_response", "host", "journey", "kind", "method", "name", "route", "status"})
"""Tags that kindgate sets."""

_BODIES = ("json", "text", "form", "file")
_COMPUTED_HEADERS: Final[Mapping[str, str]] = {
    "host": "use the key host",
    "content-length": "remove it: it follows from the body",
    "transfer-encoding": "remove it: it follows from the body",
    "connection": "remove it: connections are kept open and reused",
}


def read_requests(document: YamlDocument, node: yaml.Node, what: str, *, weighted: bool = False) -> tuple[WorkloadRoute, ...]:
    """A list of requests with different names; `weighted` ones may have a weight."""
    if not isinstance(node, yaml.SequenceNode):
        raise document.source(node).error(f"{what} must be a list of requests", 0, 1, next_step="write - name: ... for each request")
    if len(node.value) > REQUESTS_LIMIT:
        raise document.source(node.value[REQUESTS_LIMIT]).error(f"more than {REQUESTS_LIMIT} requests", 0, 1)
    keys = (*REQUEST_KEYS, "weight") if weighted else REQUEST_KEYS
    requests: list[WorkloadRoute] = []
    for item in node.value:
        parts = document.mapping(item, keys, "a request")
        request = read_request(document, item, parts)
        if any(request.name == other.name for other in requests):
            raise document.source(parts["name"]).error(f"two requests are named {request.name!r}")
        requests.append(request)
    return tuple(requests)


def read_request(document: YamlDocument, node: yaml.Node, parts: Mapping[str, yaml.Node]) -> WorkloadRoute:
    """One request from the values of its keys; `node` is the position for missing ones."""
    for key, example in (("name", "name: search"), ("path", "path: /search")):
        if key not in parts:
            raise document.source(node).error(f"the request has no {key}", 0, 1, next_step=f"add {key}, as in {example}")
    body = _body(document, parts["body"]) if "body" in parts else None
    return WorkloadRoute(
        name=read_label(document.scalar(parts["name"], "a name"), "the name of a request"),
        path=_path(document.scalar(parts["path"], "a path")),
        method=_method(document, parts, body),
        host=read_host(document.scalar(parts["host"], "a host")) if "host" in parts else "",
        headers=_headers(document, parts["headers"]) if "headers" in parts else (),
        body=body,
        weight=read_weight(document.scalar(parts["weight"], "a number")) if "weight" in parts else 1,
        expect=read_expected_response(document, parts["expect"]) if "expect" in parts else ExpectedResponse(),
        extract=read_extractions(document, parts["extract"]) if "extract" in parts else (),
        timeout=read_seconds(document.scalar(parts["timeout"], "a duration"), "the timeout") if "timeout" in parts else None,
        tags=_tags(document, parts),
    )


def read_host(source: Source) -> str:
    """A host name, with or without port."""
    with pointing_at(source):
        wire_host(source.text)
    if not source.text:
        raise source.error("the host is empty", 0, 1)
    return source.text


def read_weight(source: Source) -> int:
    """The weight of a route or journey."""
    return read_integer(source, 0, MAX_BLOCK, "the weight")


def literal_template(text: str) -> Template:
    """A text with its placeholders left empty."""
    return Template(tuple(part for part in split_text(text) if isinstance(part, str)))


def _path(source: Source) -> str:
    if not source.text.startswith("/"):
        raise source.error("the path must start with /", 0, 1, next_step="write the path and query only; set the host with host:")
    with pointing_at(source):
        wire_path(literal_template(source.text))
    return source.text


def _method(document: YamlDocument, parts: Mapping[str, yaml.Node], body: RequestBody | None) -> str:
    if "method" not in parts:
        return "POST" if body is not None else "GET"
    source = document.scalar(parts["method"], "a method")
    method = source.text.upper()
    with pointing_at(source):
        refuse_method(method)
    if method in {"CONNECT", "TRACE"}:
        raise source.error(f"{method} cannot be sent as load")
    if method == "HEAD" and body is not None:
        raise source.error("a HEAD request has no body", next_step="remove the body, or use another method")
    return method


def _headers(document: YamlDocument, node: yaml.Node) -> tuple[tuple[str, str], ...]:
    headers: dict[str, str] = {}
    names: set[str] = set()
    for key, value in document.pairs(node, "headers"):
        name, text = document.source(key), document.scalar(value, "a text")
        if name.text.lower() in names:
            raise name.error(f"the header {name.text} is defined twice")
        names.add(name.text.lower())
        if name.text.lower() in _COMPUTED_HEADERS:
            raise name.error(f"the header {name.text} cannot be set here", next_step=_COMPUTED_HEADERS[name.text.lower()])
        with pointing_at(name):
            wire_header(name.text, "")
        with pointing_at(text):
            for literal in literal_template(text.text).literals:
                wire_header(name.text, literal)
        headers[name.text] = text.text
    return tuple(headers.items())


def _body(document: YamlDocument, node: yaml.Node) -> RequestBody:
    pairs = document.pairs(node, "body")
    document.mapping(node, _BODIES, "a body")
    if len(pairs) != 1:
        raise document.source(node).error("a body has exactly one form", 0, 1, next_step=f"use one of: {', '.join(_BODIES)}")
    kind, value = document.source(pairs[0][0]).text, pairs[0][1]
    match kind:
        case "json":
            return JsonBody(read_json(document, value))
        case "form":
            fields = ((document.source(name).text, document.scalar(field, "a text").text) for name, field in document.pairs(value, "form"))
            return FormBody(tuple(fields))
        case "text":
            return TextBody(document.scalar(value, "a text").text)
    return FileBody(read_file_name(document.scalar(value, "a file")))


def _tags(document: YamlDocument, parts: Mapping[str, yaml.Node]) -> tuple[tuple[str, str], ...]:
    tags: dict[str, str] = {}
    pairs: Sequence[tuple[yaml.Node, yaml.Node]] = document.pairs(parts["tags"], "tags") if "tags" in parts else ()
    for key, value in pairs:
        name = document.source(key)
        if name.text in RESERVED_TAGS:
            raise name.error(f"the tag {name.text} is set by kindgate", next_step="choose another name")
        tags[read_label(name, "the name of a tag")] = read_label(document.scalar(value, "a text"), "the value of a tag")
    if "group" in parts:
        group = document.scalar(parts["group"], "a name")
        if GROUP in tags:
            raise group.error("the tag group is defined twice")
        tags[GROUP] = read_label(group, "the name of a group")
    return tuple(sorted(tags.items()))
