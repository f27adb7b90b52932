"""The section `expect:` of a request in a workload document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import yaml

from kindgate.load.wire import wire_header
from kindgate.source_location import Source
from kindgate.workload.document_values import pointing_at, read_file_name, read_integer, read_json, read_json_path, read_share
from kindgate.workload.model import ExpectedResponse, Json
from kindgate.yaml_document import YamlDocument

EXPECT_KEYS: Final = ("status", "headers", "contains", "json", "exists", "schema", "sample", "size")

_LARGEST_SIZE = 2**31


def read_expected_response(document: YamlDocument, node: yaml.Node) -> ExpectedResponse:
    """All requirements on a response. Raises `SloError`, pointing at the text, also if there are none."""
    parts = document.mapping(node, EXPECT_KEYS, "expect")
    if "sample" in parts and "schema" not in parts:
        raise document.source(parts["sample"]).error("the sample is that of the schema, which is missing", next_step="add schema:")
    size_min, size_max = _sizes(document, parts["size"]) if "size" in parts else (None, None)
    expected = ExpectedResponse(
        statuses=_statuses(document, parts["status"]) if "status" in parts else (),
        headers=_headers(document, parts["headers"]) if "headers" in parts else (),
        contains=_contained(document.scalar(parts["contains"], "a text")) if "contains" in parts else "",
        json=_json_values(document, parts["json"]) if "json" in parts else (),
        exists=_paths(document, parts["exists"]) if "exists" in parts else (),
        schema=_schema(document, parts["schema"]) if "schema" in parts else None,
        sample=read_share(document.scalar(parts["sample"], "a share")) if "sample" in parts else None,
        size_min=size_min,
        size_max=size_max,
    )
    if expected == ExpectedResponse():
        raise document.source(node).error("nothing is expected", 0, 1, next_step=f"use at least one of: {', '.join(EXPECT_KEYS)}")
    return expected


def _statuses(document: YamlDocument, node: yaml.Node) -> tuple[tuple[int, int], ...]:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not items:
        raise document.source(node).error("the list of statuses is empty", 0, 1)
    return tuple(_status_range(document.scalar(item, "a status")) for item in items)


def _status_range(source: Source) -> tuple[int, int]:
    if re.fullmatch("[1-5]xx", source.text):
        first = int(source.text[0]) * 100
        return first, first + 99
    if re.fullmatch("[1-5][0-9][0-9]", source.text):
        return int(source.text), int(source.text)
    raise source.error(
        f"{source.text!r} is not an HTTP status", next_step="use a status such as 201, a class such as 2xx, or a list of both"
    )


def _headers(document: YamlDocument, node: yaml.Node) -> tuple[tuple[str, str], ...]:
    headers = []
    for key, value in document.pairs(node, "headers"):
        name, text = document.source(key), document.scalar(value, "a text")
        with pointing_at(name):
            wire_header(name.text, "")
        with pointing_at(text):
            wire_header(name.text, text.text)
        headers.append((name.text, text.text))
    return tuple(headers)


def _contained(source: Source) -> str:
    if not source.text:
        raise source.error("the expected text is empty", 0, 1)
    return source.text


def _json_values(document: YamlDocument, node: yaml.Node) -> tuple[tuple[str, Json], ...]:
    pairs = document.pairs(node, "json")
    return tuple((read_json_path(document.source(key)), read_json(document, value)) for key, value in pairs)


def _paths(document: YamlDocument, node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise document.source(node).error("exists must be a list of dotted paths", next_step="write exists: [items.0.name]")
    return tuple(read_json_path(document.scalar(item, "a dotted path")) for item in node.value)


def _schema(document: YamlDocument, node: yaml.Node) -> str | Mapping[str, Json]:
    if isinstance(node, yaml.MappingNode):
        value = read_json(document, node)
        return value if isinstance(value, Mapping) else {}
    return read_file_name(document.scalar(node, "a file or a schema"))


def _sizes(document: YamlDocument, node: yaml.Node) -> tuple[int | None, int | None]:
    if isinstance(node, yaml.ScalarNode):
        size = _size(document.source(node))
        return size, size
    parts = document.mapping(node, ("min", "max"), "size")
    low, high = (_size(document.scalar(parts[key], "a number")) if key in parts else None for key in ("min", "max"))
    if low is None and high is None:
        raise document.source(node).error("the size has no limit", 0, 1, next_step="write {min: 1} or {max: 1000}")
    if low is not None and high is not None and low > high:
        raise document.source(parts["max"]).error(f"no body has at least {low} and at most {high} bytes")
    return low, high


def _size(source: Source) -> int:
    return read_integer(source, 0, _LARGEST_SIZE, "the size in bytes")
