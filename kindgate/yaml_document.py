"""YAML documents whose every part is read together with its position, within limits that hold before anything is constructed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeAlias

import yaml

from kindgate.errors import SloError
from kindgate.source_location import Source

NULL = "tag:yaml.org,2002:null"
"""The tag of a value that is left empty or null."""

Location: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value, such as `("routes", 0, "path")`."""


@dataclass(frozen=True)
class DocumentLimits:
    """Maximum size of a document: `characters` of its text, levels of nesting, and YAML events."""

    characters: int
    depth: int
    events: int


class YamlDocument:
    """A YAML text named `file` in errors, and readers for its nodes. All of them raise `SloError` that points at the text.

    `reduce` is the advice for a text with too many characters, `fill` the one for an empty text.
    """

    def __init__(self, text: str, file: str, limits: DocumentLimits, *, reduce: str, fill: str) -> None:
        self._text = text
        self._file = file
        self._limits = limits
        self._reduce = reduce
        self._fill = fill
        self._lines = text.splitlines()

    def root(self) -> yaml.Node:
        """The document's only value. Raises `SloError` for invalid YAML, and for a text that is empty or too large."""
        if len(self._text) > self._limits.characters:
            raise SloError(f"{self._file}: the file has more than {self._limits.characters} characters", next_step=self._reduce)
        try:
            self._refuse_unbounded()
            root = yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            raise self._at(line, column, " ").error(f"invalid YAML: {error.problem or error.context}") from error
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # an escape of a nonexistent character
            raise SloError(f"{self._file}: invalid YAML: {error}") from error
        if root is None:
            raise SloError(f"{self._file}: the file is empty", next_step=self._fill)
        return root

    def _refuse_unbounded(self) -> None:
        """Reject input that is small but expands when read, before constructing anything: the file may be untrusted."""
        depth = 0
        for number, event in enumerate(yaml.parse(self._text, Loader=yaml.SafeLoader)):
            mark = event.start_mark
            event_source = self._at(mark.line, mark.column, "*") if mark else Source("*", self._file)
            if isinstance(event, yaml.AliasEvent):
                raise event_source.error(
                    "aliases are not allowed because they hide the size of a file", next_step="write out the value instead"
                )
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > self._limits.depth or number > self._limits.events:
                raise event_source.error("the file is too deeply nested or too large")

    def mapping(self, node: yaml.Node, known: Collection[str], what: str) -> dict[str, yaml.Node]:
        """The values by key, without nulls; an unknown key is an error."""
        by_key: dict[str, yaml.Node] = {}
        for key, value in self.pairs(node, what):
            name = self.source(key)
            if name.text not in known:
                raise name.error(f"{what} has no key {name.text!r}", next_step=f"known keys: {', '.join(known)}")
            if value.tag != NULL:
                by_key[name.text] = value
        return by_key

    def pairs(self, node: yaml.Node, what: str) -> list[tuple[yaml.Node, yaml.Node]]:
        """Keys and values of a mapping; a duplicate key is an error."""
        if not isinstance(node, yaml.MappingNode):
            raise self.source(node).error(f"{what} must be a mapping of keys to values", 0, 1)
        seen: set[str] = set()
        for key, _ in node.value:
            name = self.scalar(key, "a key")
            if name.text in seen:
                raise name.error(f"{name.text!r} is defined twice")
            seen.add(name.text)
        return list(node.value)

    def scalar(self, node: yaml.Node, what: str) -> Source:
        """A text, a number or another single value, as written; `what` names the expected value in the error."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.source(node).error(f"expected {what} here", 0, 1)
        return self.source(node)

    def source(self, node: yaml.Node) -> Source:
        """The node's text with its position; a quoted text is searched for after the node's start."""
        start, end = node.start_mark, node.end_mark
        if not isinstance(node, yaml.ScalarNode):
            return self._at(start.line, start.column, "?")
        text = str(node.value)
        source = self._at(start.line, start.column, text)
        offset = source.excerpt.find(text, start.column)
        if offset >= 0:
            return self._at(start.line, offset, text)
        return replace(source, lines=tuple(self._lines[start.line : end.line + 1]))

    def sources(self, node: yaml.Node) -> dict[Location, Source]:
        """The position of `node` and of each value below it, by the keys and indexes that lead to it."""
        found: dict[Location, Source] = {(): self.source(node)}
        steps: list[tuple[str | int, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            steps = [(str(key.value), value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            steps = list(enumerate(node.value))
        for step, value in steps:
            found |= {(step, *location): source for location, source in self.sources(value).items()}
        return found

    def _at(self, line: int, column: int, text: str) -> Source:
        excerpt = self._lines[line] if line < len(self._lines) else ""
        return Source(text, self._file, line + 1, column + 1, excerpt or " ")
