"""The syntax of placeholders: `{name}` and `{name.column}`. Pure.

`{{name}}` is the literal text `{name}`. Every other brace is literal, so JSON and GraphQL need no escapes unless a name alone
is in braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
"""A regular expression for the name of a value or of a column."""

_REFERENCE = re.compile(rf"\{{\{{(?P<literal>{NAME}(?:\.{NAME})?)\}}\}}|\{{(?P<name>{NAME}(?:\.{NAME})?)\}}")


@dataclass(frozen=True)
class Reference:
    """A placeholder, and where it is in its text."""

    name: str
    start: int
    end: int

    @property
    def value(self) -> str:
        """The name of the value, without the column."""
        return self.name.partition(".")[0]

    @property
    def column(self) -> str:
        """The name of the column; empty without one."""
        return self.name.partition(".")[2]


def split_text(text: str) -> Iterator[str | Reference]:
    """The literal parts and the placeholders of `text`, in order; no literal part is empty."""
    end = 0
    for match in _REFERENCE.finditer(text):
        literal = match["literal"]
        before = text[end : match.start()] + (f"{{{literal}}}" if literal else "")
        if before:
            yield before
        if not literal:
            yield Reference(match["name"], match.start(), match.end())
        end = match.end()
    if end < len(text):
        yield text[end:]


def references(text: str) -> tuple[Reference, ...]:
    """The placeholders of `text`."""
    return tuple(part for part in split_text(text) if isinstance(part, Reference))


def escaped(text: str) -> str:
    """A text that means `text` itself, without placeholders."""
    return re.sub(rf"\{{{NAME}(?:\.{NAME})?\}}", lambda match: f"{{{match[0]}}}", text)
