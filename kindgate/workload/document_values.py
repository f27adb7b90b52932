"""Single values of a workload document: names, numbers, durations, JSON. All readers raise `SloError` that points at the text."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Collection, Iterator

import yaml

from kindgate.duration import EXAMPLES, duration_seconds
from kindgate.errors import LoadError
from kindgate.load.variables import Scalar
from kindgate.source_location import Source
from kindgate.workload.model import Json
from kindgate.workload.placeholders import NAME
from kindgate.yaml_document import NULL, YamlDocument

NAME_LIMIT = 80
"""Maximum length of the name of a route, a journey, a tag or a value."""

_TAG = "tag:yaml.org,2002:"
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A JSON number. It is one in a document too, although YAML 1.1 reads `1e5` as a text."""

_LABEL = re.compile(r"""[^\s,{}"'](?:[^,{}"'\x00-\x1f]*[^\s,{}"'])?""")
"""A text that a tag in a threshold's selector can have."""

_SHOWN = 20
_TRUE = frozenset({"true", "yes", "on"})


@contextlib.contextmanager
def pointing_at(source: Source) -> Iterator[None]:
    """Turn a `LoadError` about the value at `source` into an error that points at it."""
    try:
        yield
    except LoadError as error:
        raise source.error(error.message, next_step=error.next_step) from error


def listed(names: Collection[str]) -> str:
    """Names for advice, at most twenty."""
    shown = sorted(names)[:_SHOWN]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def read_label(source: Source, what: str) -> str:
    """The name of a route, journey or tag, which thresholds select by."""
    if not _LABEL.fullmatch(source.text) or len(source.text) > NAME_LIMIT:
        raise source.error(
            f"{source.text!r} cannot be {what}", next_step=f"use at most {NAME_LIMIT} characters, without commas, quotes and braces"
        )
    return source.text


def read_name(source: Source) -> str:
    """The name of a value, which placeholders use."""
    if not re.fullmatch(NAME, source.text) or len(source.text) > NAME_LIMIT:
        raise source.error(
            f"{source.text!r} cannot be the name of a value",
            next_step=f"use at most {NAME_LIMIT} letters, digits, _ and -, and begin with a letter",
        )
    return source.text


def read_choice(source: Source, choices: Collection[str], what: str) -> str:
    """One of `choices`."""
    if source.text not in choices:
        raise source.error(f"{source.text!r} is not {what}", next_step=f"use one of: {', '.join(choices)}")
    return source.text


def read_file_name(source: Source) -> str:
    """The name of a file, relative to the document's."""
    if not source.text or "\0" in source.text:
        raise source.error("the name of the file is missing", 0, 1)
    return source.text


def read_integer(source: Source, low: int, high: int, what: str) -> int:
    """A whole number from `low` to `high`."""
    if not re.fullmatch(r"-?[0-9]{1,16}", source.text) or not low <= int(source.text) <= high:
        raise source.error(f"{what} must be an integer from {low} to {high}")
    return int(source.text)


def read_rate(source: Source, what: str, *, zero: bool = False) -> float:
    """A number above 0, or from 0 on."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", source.text) or not (zero or float(source.text) > 0):
        raise source.error(f"{what} must be a number {'of 0 or more' if zero else 'above 0'}, per second")
    return float(source.text)


def read_seconds(source: Source, what: str, *, zero: bool = False) -> float:
    """A duration in seconds, above 0 or from 0 on."""
    seconds = duration_seconds(source.text)
    if seconds is None:
        raise source.error(f"{source.text!r} is not a duration", next_step=f"use a value such as {EXAMPLES}; a bare number is in seconds")
    if not (zero or seconds > 0):
        raise source.error(f"{what} must be above 0")
    return seconds


def read_share(source: Source) -> float:
    """A share above 0 and at most 1: `0.05` or `5%`."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)( ?%)?", source.text)
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share <= 1:
        raise source.error(f"{source.text!r} is not a share of the responses", next_step="use a value such as 0.05 or 5%")
    return share


def read_json_path(source: Source) -> str:
    """A dotted path into a JSON document, such as `items.0.name`."""
    if not source.text or source.text.startswith("$") or "[" in source.text or not all(source.text.split(".")):
        raise source.error(
            f"{source.text!r} is not a dotted path",
            next_step="write the keys and indexes that lead to the value, separated by dots: items.0.name",
        )
    return source.text


def read_json(document: YamlDocument, node: yaml.Node) -> Json:
    """A JSON value written in YAML. Numbers that YAML versions read differently (`010`, `1:30`, `1_000`) are errors."""
    if not isinstance(node, yaml.ScalarNode) and node.tag not in {f"{_TAG}map", f"{_TAG}seq"}:
        raise document.source(node).error(f"a value with the YAML tag {node.tag} has no JSON form", 0, 1, next_step="remove the tag")
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): read_json(document, value) for key, value in document.pairs(node, "a JSON object")}
    if isinstance(node, yaml.SequenceNode):
        return [read_json(document, item) for item in node.value]
    return read_scalar(document, node)


def read_scalar(document: YamlDocument, node: yaml.Node) -> Scalar:
    """A JSON value without parts."""
    source = document.scalar(node, "a text, a number, true, false or null")
    is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
    kind = node.tag.removeprefix(_TAG)
    if node.tag == NULL:
        return None
    if kind == "bool" and is_plain:
        return source.text.lower() in _TRUE
    if is_plain and (kind in {"int", "float"} or NUMBER.fullmatch(source.text)):  # YAML 1.1 needs a dot in 1e5, JSON does not
        value = float(source.text) if NUMBER.fullmatch(source.text) else math.nan
        if not math.isfinite(value):
            raise source.error(f"{source.text!r} is not a JSON number", next_step="write it in decimal digits, or quote it for a text")
        return int(source.text) if re.fullmatch(r"-?[0-9]+", source.text) else value
    if kind in {"str", "timestamp"}:
        return source.text
    raise source.error(f"a value with the YAML tag {node.tag} has no JSON form", next_step="remove the tag")
