"""A value that fits a JSON schema of an OpenAPI document: the document's own examples first, otherwise the smallest valid value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kindgate.scaffold.workload_sources.references import Node, UnreadableReference
from kindgate.scaffold.workload_sources.source_positions import Pointer

_DEPTH = 12
"""Maximum levels of a sample; schemas may contain themselves."""

_NODES = 2000
"""Maximum number of values in a sample: YAML aliases can make a small example expand to any size."""

FORMATS: Mapping[str, str] = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "byte": "AA==",
    "decimal": "1",
}
"""Values by format, from the ranges reserved for documentation (RFC 2606, 5737, 3849)."""


class SampleTooLarge(Exception):
    """An example, or a schema's smallest value, that is too large for a file that a person keeps."""


@dataclass
class Sampler:
    """Creates the samples of one document; `guessed` are the paths inside of the current sample that no example provides."""

    guessed: list[Pointer] = field(default_factory=list)
    _count: int = 0

    def sample(self, schema: Node) -> Any:  # noqa: ANN401  # a JSON value
        """A value for `schema`. Raises `SampleTooLarge`, and `UnreadableReference` for a reference that cannot be followed."""
        self.guessed, self._count = [], 0
        return self._sample(schema, (), 0)

    def copied(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401  # a JSON value
        """A JSON copy of an example. Raises `SampleTooLarge`."""
        self._count += 1
        if self._count > _NODES or depth > _DEPTH * 2:
            raise SampleTooLarge(f"the example has more than {_NODES} values, or is too deeply nested")
        if isinstance(value, Mapping):
            return {str(key): self.copied(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.copied(item, depth + 1) for item in value]
        return value

    def documented(self, schema: Node) -> tuple[Any, ...]:
        """The values that a schema itself names: examples, default, constant and enumeration."""
        examples = schema.get("examples").value
        listed = examples if isinstance(examples, list) else []
        single = [schema.get(key).value for key in ("example", "x-example")]
        fixed = [schema.get(key).value for key in ("const", "default")]
        words = schema.get("enum").value
        found = [*single, *listed, *fixed, *(words if isinstance(words, list) else [])]
        return tuple(value for value in found if value is not None)

    def _sample(self, schema: Node, path: Pointer, depth: int) -> Any:  # noqa: ANN401  # a JSON value
        node = schema.resolved()
        values = self.documented(node)
        if values:
            return self.copied(values[0])
        self._count += 1
        if self._count > _NODES:
            raise SampleTooLarge(f"the smallest value has more than {_NODES} parts")
        for key in ("oneOf", "anyOf", "allOf"):
            choices = sorted(node.get(key).elements(), key=lambda one: _type(one.resolved()) == "null")
            if choices and not self._properties(node):
                return self._sample(choices[0], path, depth)
        if _type(node) == "object" or self._properties(node):
            return self._object(node, path, depth)
        if _type(node) == "array":
            return [self._sample(node.get("items"), (*path, 0), depth + 1)] if depth < _DEPTH and _has(node, "items") else []
        self.guessed.append(path)
        return _scalar(node)

    def _object(self, node: Node, path: Pointer, depth: int) -> dict[str, Any]:
        """The required properties, and those with a documented value, unless only the server writes them."""
        properties, required = self._properties(node), _required(node)
        if depth >= _DEPTH:
            return {}
        found: dict[str, Any] = {}
        for name, schema in properties.items():
            try:
                one = schema.resolved()
            except UnreadableReference:
                if name in required:
                    raise
                continue
            wanted = name in required or self.documented(one)
            if wanted and one.get("readOnly").value is not True:
                found[name] = self._sample(one, (*path, name), depth + 1)
        return found

    def _properties(self, node: Node, depth: int = 0) -> dict[str, Node]:
        """The properties of a schema and of the schemas that it combines."""
        found: dict[str, Node] = {}
        if depth < _DEPTH:
            for part in node.get("allOf").elements():
                found |= self._properties(part.resolved(), depth + 1)
        return found | dict(node.get("properties").items())


def _required(node: Node, depth: int = 0) -> set[str]:
    names = {str(one.value) for one in node.get("required").elements()}
    if depth < _DEPTH:
        for part in node.get("allOf").elements():
            names |= _required(part.resolved(), depth + 1)
    return names


def _has(node: Node, key: str) -> bool:
    return isinstance(node.value, Mapping) and key in node.value


def _type(node: Node) -> str:
    """The schema's type, the first one that is not null if there are several."""
    value = node.get("type").value
    if isinstance(value, list):
        return next((one for one in value if isinstance(one, str) and one != "null"), "null")
    if isinstance(value, str):
        return value
    return "object" if node.get("properties").value else "array" if _has(node, "items") else ""


def _scalar(node: Node) -> Any:  # noqa: ANN401  # a JSON value
    kind = _type(node)
    if kind == "boolean":
        return True
    if kind in {"integer", "number"}:
        return _number(node, whole=kind == "integer")
    if kind == "null":
        return None
    text = FORMATS.get(str(node.get("format").value), "text")
    shortest, longest = node.get("minLength").value, node.get("maxLength").value
    if isinstance(shortest, int) and len(text) < min(shortest, _NODES):
        text = text.ljust(min(shortest, _NODES), "x")
    return text[:longest] if isinstance(longest, int) and longest >= 0 else text


def _number(node: Node, *, whole: bool) -> int | float:
    """The smallest allowed number from 1 on, otherwise the largest allowed one."""
    low, high = node.get("minimum").value, node.get("maximum").value
    above, below = node.get("exclusiveMinimum").value, node.get("exclusiveMaximum").value
    bottom = low if _is_number(low) else 1
    if above is True:  # OpenAPI 3.0
        bottom += 1
    elif _is_number(above):
        bottom = above + 1
    top = high if _is_number(high) else bottom
    if below is True:
        top -= 1
    elif _is_number(below):
        top = below - 1
    value = min(max(bottom, 1), top) if not _is_number(low) and above in {None, False} else bottom
    return int(value) if whole else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
