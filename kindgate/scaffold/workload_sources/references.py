"""Follow `$ref` in a document, also into neighboring files; each value keeps the context that its own references need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable

from kindgate.errors import KindgateError
from kindgate.scaffold.workload_sources.source_positions import Pointer
from kindgate.scaffold.workload_sources.source_text import SourceText, is_address, read_source

_LONGEST_CHAIN = 20
"""Maximum number of references that only lead to the next one."""


class UnreadableReference(Exception):
    """A reference that leads nowhere, in a circle, or to a place that is not read."""


@dataclass(frozen=True)
class Node:
    """A value of a document; `lookup` follows its references.

    `pointer` is its position in the first document, up to the last reference that was followed.
    """

    value: Any
    pointer: Pointer
    lookup: Callable[[str], Node]

    def resolved(self) -> Node:
        """The value that a reference leads to, with the other keys of the referring object; raises `UnreadableReference`."""
        node, siblings = self, dict[str, Any]()
        for _ in range(_LONGEST_CHAIN):
            reference = node.value.get("$ref") if isinstance(node.value, Mapping) else None
            if not isinstance(reference, str):
                if siblings and isinstance(node.value, Mapping):
                    return replace(node, value={**node.value, **siblings}, pointer=self.pointer)
                return replace(node, pointer=self.pointer)
            siblings = {**{key: value for key, value in node.value.items() if key != "$ref"}, **siblings}
            node = node.lookup(reference)
        raise UnreadableReference(f"more than {_LONGEST_CHAIN} references in a row")

    def get(self, *keys: str | int) -> Node:
        """The value at `keys`, references followed; its value is None if it does not exist."""
        node = self
        for key in keys:
            holder = node.resolved()
            node = holder.child(key)
        return node.resolved()

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping; nothing for another value."""
        holder = self.resolved()
        if isinstance(holder.value, Mapping):
            for key in holder.value:
                yield str(key), holder.child(key)

    def elements(self) -> Iterator[Node]:
        """The elements of a list; nothing for another value."""
        holder = self.resolved()
        if isinstance(holder.value, list):
            for index in range(len(holder.value)):
                yield holder.child(index)

    def child(self, key: str | int) -> Node:
        """The value at a key or index, without following references."""
        value: Any = None
        if isinstance(self.value, Mapping):
            value = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            value = self.value[key]
        return Node(value, (*self.pointer, key), self.lookup)


def document_root(source: SourceText, value: Any) -> Node:  # noqa: ANN401  # a JSON value
    """The root of a document, whose references may lead to files in its folder and below, or to addresses on the same host."""
    base = source.name if is_address(source.name) else Path(source.name).resolve().as_uri()

    def retrieve(address: str) -> Resource[Any]:
        return Resource.opaque(_read(address, base))

    registry: Registry[Any] = Registry(retrieve=retrieve).with_resource(base, Resource.opaque(value))  # type: ignore[call-arg]
    return Node(value, (), _lookup_from(registry.resolver(base)))


def _lookup_from(resolver: Any) -> Callable[[str], Node]:  # noqa: ANN401  # its type is private to referencing
    def lookup(reference: str) -> Node:
        try:
            found = resolver.lookup(reference)
        except (Unresolvable, ValueError) as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, UnreadableReference | KindgateError):
                cause = cause.__cause__
            detail = f": {cause.message if isinstance(cause, KindgateError) else cause}" if cause else ""
            raise UnreadableReference(f"the reference {reference!r} cannot be followed{detail}") from error
        return Node(found.contents, (), _lookup_from(found.resolver))

    return lookup


def _read(address: str, base: str) -> Any:  # noqa: ANN401  # a JSON value
    """The document at `address`. Raises `UnreadableReference` outside of the first document's folder or host."""
    target, start = urlsplit(address), urlsplit(base)
    if (target.scheme, target.netloc) != (start.scheme, start.netloc):
        raise UnreadableReference("it leads to another host")
    if target.scheme != "file":
        return read_source(address, "$ref").value()
    path, folder = Path(unquote(target.path)).resolve(), Path(unquote(start.path)).parent
    if not path.is_relative_to(folder):
        raise UnreadableReference("it leads out of the document's folder")
    return read_source(str(path), "$ref").value()
