"""Values of a k6 script that are known without running it: constants, and placeholders for what a run provides."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from tree_sitter import Node

from kindgate.scaffold.workload_sources.naming import Names, identifier
from kindgate.workload.model import Json

ExtractionSource: TypeAlias = Literal["json", "header"]

Value: TypeAlias = Any
"""A JSON value, or one of the classes below."""


class NotConstant(Exception):
    """An expression whose value depends on the run in a way that a workload cannot express."""


@dataclass(frozen=True)
class Reference:
    """A value that a workload provides under `name`; `variable` is the environment variable that holds it, if one does."""

    name: str
    variable: str = ""


@dataclass(frozen=True)
class Text:
    """A string with references."""

    parts: tuple[str | Reference, ...]


@dataclass(frozen=True)
class Function:
    """A function of the script: parameters and body, and the variables around it."""

    node: Node
    scope: Scope


@dataclass
class Response:
    """The response of a request; `extract` maps the source and path of a value that later requests use to its name."""

    names: Names
    extract: dict[tuple[ExtractionSource, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Extracted:
    """A value in a response: of its JSON body at a path, or a header."""

    response: Response
    source: ExtractionSource
    path: tuple[str, ...] = ()

    def reference(self) -> Reference:
        """The placeholder for the value, which the request then extracts; raises `NotConstant` for a whole body."""
        if not self.path:
            raise NotConstant("a whole response is used as a value")
        expression = ".".join(self.path)
        key = (self.source, expression)
        if key not in self.response.extract:
            words = [part for part in self.path if not part.isdigit()]
            self.response.extract[key] = self.response.names.unique(identifier(words[-1] if words else "value"))
        return Reference(self.response.extract[key])


@dataclass(frozen=True)
class RandomBelow:
    """A random number from 0 up to `limit`; an integer if `whole`."""

    limit: float
    whole: bool = False


@dataclass(frozen=True)
class Stringified:
    """`JSON.stringify` of a value: a JSON body."""

    value: Value


@dataclass
class Scope:
    """Variables by name, and the scope around them."""

    names: dict[str, Value] = field(default_factory=dict)
    outer: Scope | None = None

    def find(self, name: str) -> Value:
        """The variable's value; raises `NotConstant`."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                found = scope.names[name]
                if isinstance(found, NotConstant):
                    raise found
                return found
            scope = scope.outer
        raise NotConstant(f"`{name}` is not known")

    def holds(self, name: str) -> bool:
        """Whether a variable of the script has this name."""
        return name in self.names or (self.outer is not None and self.outer.holds(name))

    def assign(self, name: str, value: Value) -> None:
        """Change a variable where it was declared, otherwise declare it here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                scope.names[name] = value
                return
            scope = scope.outer
        self.names[name] = value


def joined(left: Value, right: Value) -> Value:
    """The sum of two values: of numbers, or of texts."""
    numbers = (int, float)
    if isinstance(left, numbers) and isinstance(right, numbers) and not isinstance(left, bool) and not isinstance(right, bool):
        return left + right
    parts: list[str | Reference] = []
    for part in (*_parts(left), *_parts(right)):
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)
    if len(parts) <= 1 and all(isinstance(part, str) for part in parts):
        return parts[0] if parts else ""
    return Text(tuple(parts))


def as_text(value: Value) -> Text:
    """A value as a text; raises `NotConstant` for one that has none."""
    return Text(tuple(part for part in _parts(value) if part != ""))


def _parts(value: Value) -> Sequence[str | Reference]:
    if isinstance(value, NotConstant):
        raise value
    if isinstance(value, Text):
        return value.parts
    if isinstance(value, Extracted):
        return (value.reference(),)
    if isinstance(value, str | Reference):
        return (value,)
    if isinstance(value, bool) or value is None:
        return (json.dumps(value),)
    if isinstance(value, int | float):
        return (str(int(value)) if float(value).is_integer() else str(value),)
    if isinstance(value, list):
        return tuple(part for index, item in enumerate(value) for part in ((",", *_parts(item)) if index else _parts(item)))
    if isinstance(value, Mapping):
        raise NotConstant("an object is used as a text")
    raise NotConstant("a value that only a run knows is used as a text")


def plain(value: Value) -> Any:  # noqa: ANN401  # a JSON value
    """The value if it is JSON without references; raises `NotConstant`."""
    if isinstance(value, NotConstant):
        raise value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise NotConstant("a value depends on the run")


def json_of(value: Value, text: Callable[[str, Text | str | Reference], str], name: str = "") -> Json:
    """The JSON of a workload for a value; `text` writes the texts and references in it, given the key they belong to."""
    if isinstance(value, NotConstant):
        raise value
    if isinstance(value, Extracted):
        value = value.reference()
    if isinstance(value, Mapping):
        return {key: json_of(item, text, key) for key, item in value.items()}
    if isinstance(value, list):
        return [json_of(item, text, name) for item in value]
    if isinstance(value, Text | str | Reference):
        return text(name, value)
    if value is None or isinstance(value, int | float | bool):
        return value
    raise NotConstant("a part of the body depends on the run")


def floor(value: Value) -> Value:
    """`Math.floor` of a number or of a random number."""
    if isinstance(value, RandomBelow):
        return replace(value, whole=True)
    if isinstance(value, int | float):
        return math.floor(value)
    raise NotConstant("Math.floor of a value that is not constant")


def parsed(value: Value) -> Value:
    """`JSON.parse` of a constant text or of a response's body."""
    if isinstance(value, Extracted):
        return value
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError as error:
            raise NotConstant(f"JSON.parse of a text that is not JSON: {error}") from error
    raise NotConstant("JSON.parse of a value that is not constant")
