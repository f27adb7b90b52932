"""The sections `data:` and `extract:` of a workload document: where the values of placeholders come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, cast

import yaml

from kindgate.load.expectation import Extraction
from kindgate.load.variables import RUN
from kindgate.workload.document_values import pointing_at, read_choice, read_file_name, read_integer, read_json_path, read_name, read_scalar
from kindgate.workload.model import (
    CountedNumber,
    DataSource,
    EnvironmentValue,
    FileRows,
    RandomChoice,
    RandomNumber,
    RandomUuid,
)
from kindgate.yaml_document import YamlDocument

LARGEST = 2**53
"""Largest integer that every JSON reader keeps exact."""

VALUES_LIMIT = 200
"""Maximum number of entries in `data:`, and of values to choose from."""

_ORDERS = ("sequential", "random")
_SOURCES = ("json", "header", "cookie", "regex")
_KINDS = ("csv", "json", "uuid", "counter", "int", "choice", "env", "secret")


def read_data(document: YamlDocument, node: yaml.Node) -> tuple[DataSource, ...]:
    """All entries of `data:`."""
    pairs = document.pairs(node, "data")
    if len(pairs) > VALUES_LIMIT:
        raise document.source(pairs[VALUES_LIMIT][0]).error(f"more than {VALUES_LIMIT} values")
    return tuple(_data_source(document, key, value) for key, value in pairs)


def read_extractions(document: YamlDocument, node: yaml.Node) -> tuple[Extraction, ...]:
    """All entries of `extract:`: a name, and one place in the response."""
    return tuple(_extraction(document, key, value) for key, value in document.pairs(node, "extract"))


def read_new_name(document: YamlDocument, node: yaml.Node) -> str:
    """The name of a value that the document defines."""
    source = document.scalar(node, "a name")
    if source.text == RUN:
        raise source.error(f"{RUN!r} is the name of the run's own value", next_step="choose another name")
    return read_name(source)


def _data_source(document: YamlDocument, key: yaml.Node, node: yaml.Node) -> DataSource:
    name = read_new_name(document, key)
    if isinstance(node, yaml.ScalarNode):
        kind = read_choice(document.source(node), ("uuid", "counter"), "generated without settings")
        return RandomUuid(name) if kind == "uuid" else CountedNumber(name)
    parts = document.mapping(node, (*_KINDS, "order"), "a value")
    kinds = [kind for kind in _KINDS if kind in parts]
    if len(kinds) != 1:
        problem = "has more than one source" if kinds else "has no source"
        raise document.source(node).error(f"{name} {problem}", 0, 1, next_step=f"use one of: {', '.join(_KINDS)}")
    kind, value = kinds[0], parts[kinds[0]]
    if kind in {"csv", "json"}:
        return _file_rows(document, name, kind, parts)
    if "order" in parts:
        raise document.source(parts["order"]).error(f"order applies to csv and json, not to {kind}")
    readers: Mapping[str, Callable[[YamlDocument, str, yaml.Node], DataSource]] = {
        "uuid": _uuid,
        "counter": _counter,
        "int": _random_number,
        "choice": _random_choice,
        "env": _environment_value,
        "secret": _secret,
    }
    return readers[kind](document, name, value)


def _file_rows(document: YamlDocument, name: str, kind: str, parts: Mapping[str, yaml.Node]) -> FileRows:
    file = read_file_name(document.scalar(parts[kind], "a file"))
    order = read_choice(document.scalar(parts["order"], "an order"), _ORDERS, "an order") if "order" in parts else "sequential"
    return FileRows(name, file, cast(Literal["csv", "json"], kind), cast(Literal["sequential", "random"], order))


def _uuid(document: YamlDocument, _name: str, node: yaml.Node) -> DataSource:
    raise document.source(node).error("a uuid has no settings", next_step="write uuid alone")


def _counter(document: YamlDocument, name: str, node: yaml.Node) -> DataSource:
    return CountedNumber(name, read_integer(document.scalar(node, "the first number"), -LARGEST, LARGEST, "the first number"))


def _random_number(document: YamlDocument, name: str, node: yaml.Node) -> DataSource:
    if not isinstance(node, yaml.SequenceNode) or len(node.value) != 2:
        raise document.source(node).error("int needs the lowest and the highest number", next_step="write {int: [1, 10]}")
    sources = [document.scalar(item, "an integer") for item in node.value]
    low, high = (read_integer(source, -LARGEST, LARGEST, "the number") for source in sources)
    if low > high:
        raise sources[1].error(f"the range is empty: {high} is smaller than {low}")
    return RandomNumber(name, low, high)


def _random_choice(document: YamlDocument, name: str, node: yaml.Node) -> DataSource:
    if not isinstance(node, yaml.SequenceNode) or not 1 <= len(node.value) <= VALUES_LIMIT:
        raise document.source(node).error(
            f"choice needs a list of 1 to {VALUES_LIMIT} values", next_step="write {choice: [red, green]}, or put the values into a file"
        )
    return RandomChoice(name, tuple(read_scalar(document, item) for item in node.value))


def _environment_value(document: YamlDocument, name: str, node: yaml.Node) -> EnvironmentValue:
    variable = document.scalar(node, "the name of an environment variable")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", variable.text):
        raise variable.error(f"{variable.text!r} is not the name of an environment variable")
    return EnvironmentValue(name, variable.text)


def _secret(document: YamlDocument, name: str, node: yaml.Node) -> DataSource:
    return replace(_environment_value(document, name, node), secret=True)


def _extraction(document: YamlDocument, key: yaml.Node, node: yaml.Node) -> Extraction:
    name = read_new_name(document, key)
    parts = document.mapping(node, _SOURCES, "a value to extract")
    if len(parts) != 1:
        raise document.source(node).error(
            f"{name} needs one place in the response", 0, 1, next_step=f"use one of: {', '.join(_SOURCES)}, as in {{json: token}}"
        )
    place, value = next(iter(parts.items()))
    source = document.scalar(value, "a text")
    expression = read_json_path(source) if place == "json" else source.text
    with pointing_at(source):
        return Extraction(name, cast(Literal["json", "header", "cookie", "regex"], place), expression)
