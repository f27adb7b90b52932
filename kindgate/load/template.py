"""Texts with placeholders, filled in for each request: paths, header values and bodies. Pure.

A value is a JSON value. Written as text, a string is itself, and any other value its JSON text (`3`, `true`, `null`).
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote, quote_plus

from kindgate.errors import LoadError

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_REMEMBERED: Final = 10_000
"""Number of encoded values that are kept, because the rows of a file are sent again and again."""

Value: TypeAlias = str | int | float | bool | list[Any] | dict[str, Any] | None
"""A JSON value."""


class Encoding(enum.StrEnum):
    """How a value is written into the text around it.

    `TEXT`: unchanged. `URL`: percent-encoded (RFC 3986). `FORM`: for application/x-www-form-urlencoded. `JSON_STRING`: escaped
    for the inside of a JSON string. `JSON`: as JSON, so a number remains a number.
    """

    TEXT = "text"
    URL = "url"
    FORM = "form"
    JSON_STRING = "json_string"
    JSON = "json"


@dataclass(frozen=True)
class Placeholder:
    """The place of the value `name` in a template."""

    name: str
    encoding: Encoding = Encoding.TEXT

    def __post_init__(self) -> None:
        """Reject a placeholder without a name."""
        if not self.name:
            raise LoadError("a placeholder needs a name")


@dataclass(frozen=True)
class Template:
    """Literal text and placeholders, in order."""

    parts: tuple[str | Placeholder, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of the values that rendering needs."""
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder))

    @property
    def literals(self) -> tuple[str, ...]:
        """The parts that do not vary."""
        return tuple(part for part in self.parts if isinstance(part, str))

    @property
    def constant(self) -> str | None:
        """The text if no part of it varies, otherwise None."""
        return None if self.names else "".join(self.literals)

    def render(self, values: Mapping[str, Value]) -> bytes:
        """The text in UTF-8, filled with `values`; raises `KeyError` if one is missing. Lone surrogates become question marks."""
        filled = [step if isinstance(step, str) else step[1](values[step[0]]) for step in self._steps]
        return "".join(filled).encode("utf-8", "replace")

    def mapped_literals(self, convert: Callable[[str], str]) -> Template:
        """The template with its literal text converted."""
        return Template(tuple(convert(part) if isinstance(part, str) else part for part in self.parts))

    @functools.cached_property
    def _steps(self) -> tuple[str | tuple[str, Callable[[Value], str]], ...]:
        """The parts with each placeholder's encoder, looked up once."""
        return tuple(part if isinstance(part, str) else (part.name, _ENCODERS[part.encoding]) for part in self.parts)


def text_of(value: Value) -> str:
    """A value as text."""
    return value if isinstance(value, str) else json_of(value)


def json_of(value: Value) -> str:
    """A value as compact JSON."""
    return str(value) if type(value) is int else _ENCODER.encode(value)  # the encoder takes ten times as long for an integer


def _in_url(value: Value) -> str:
    text = text_of(value)
    return text if text.isascii() and text.isalnum() else _quoted(text)


@functools.lru_cache(maxsize=_REMEMBERED)
def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _in_form(value: Value) -> str:
    text = text_of(value)
    return text if text.isascii() and text.isalnum() else _quoted_in_form(text)


@functools.lru_cache(maxsize=_REMEMBERED)
def _quoted_in_form(text: str) -> str:
    return quote_plus(text, safe="", errors="replace")


def _in_json_string(value: Value) -> str:
    return _ENCODER.encode(text_of(value))[1:-1]


_ENCODERS: Final[Mapping[Encoding, Callable[[Value], str]]] = {
    Encoding.TEXT: text_of,
    Encoding.URL: _in_url,
    Encoding.FORM: _in_form,
    Encoding.JSON_STRING: _in_json_string,
    Encoding.JSON: json_of,
}
