"""What a response must be, and which of its values later requests use. Plain data; `kindgate.load.response` evaluates it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal

from kindgate.errors import LoadError
from kindgate.load.json_schema import refuse_invalid_schema
from kindgate.load.wire import refuse_undecodable, wire_header

SCHEMA_SAMPLE: Final = 0.05
"""Share of a route's responses that are checked against its JSON schema, unless the route says otherwise."""


@dataclass(frozen=True)
class Expectation:
    """Requirements on a response; empty fields are not checked.

    `statuses` are inclusive ranges, such as `((200, 299),)`; without any, a status must be below 400. A header in `headers`
    must contain the text. `json` pairs dotted paths (`items.0.name`; numbers are array indexes) with JSON texts; paths in
    `exists` only need to exist. Sizes are those of the decoded body in bytes. `schema` is a JSON schema as JSON text; a share
    of `sample` of the responses is checked against it, after the burst.
    """

    statuses: tuple[tuple[int, int], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    substring: str = ""
    json: tuple[tuple[str, str], ...] = ()
    exists: tuple[str, ...] = ()
    size_min: int | None = None
    size_max: int | None = None
    schema: str = ""
    sample: float = SCHEMA_SAMPLE

    def __post_init__(self) -> None:
        """Reject requirements that are empty or that no response can meet."""
        if not (self.statuses or self.headers or self.needs_body):
            raise LoadError("an expectation needs a status, a header, a text, a JSON path, a size or a schema")
        self._refuse_statuses()
        for name, text in self.headers:
            wire_header(name, text)
        for path, value in self.json:
            _refuse_empty_step(path)
            _refuse_invalid_json(value)
        for path in self.exists:
            _refuse_empty_step(path)
        self._refuse_sizes()
        refuse_undecodable(self.substring, "the expected text")
        if not 0 < self.sample <= 1:
            raise LoadError(f"the sample must be above 0 and at most 1, not {self.sample:g}")
        if self.schema:
            refuse_invalid_schema(self.schema)

    @property
    def needs_body(self) -> bool:
        """Whether the response body is needed."""
        sized = self.size_min is not None or self.size_max is not None
        return bool(self.substring or self.json or self.exists or self.schema or sized)

    def _refuse_statuses(self) -> None:
        for low, high in self.statuses:
            if not 100 <= low <= high <= 599:
                raise LoadError(f"{low} to {high} are not HTTP statuses: use 100 to 599" if low != high else f"{low} is not an HTTP status")

    def _refuse_sizes(self) -> None:
        for size in (self.size_min, self.size_max):
            if size is not None and size < 0:
                raise LoadError(f"a body cannot have {size} bytes")
        if self.size_min is not None and self.size_max is not None and self.size_min > self.size_max:
            raise LoadError(f"no body has at least {self.size_min} and at most {self.size_max} bytes")


@dataclass(frozen=True)
class Extraction:
    """A value taken from a response, for the later steps of a journey.

    `expression` is a dotted JSON path, the name of a header or of a cookie, or a regular expression whose first group is the
    value (the whole match without a group).
    """

    name: str
    source: Literal["json", "header", "cookie", "regex"]
    expression: str

    def __post_init__(self) -> None:
        """Reject an extraction that can find nothing."""
        if not self.name or not self.expression:
            raise LoadError(f"an extraction needs a name and a {self.source} to take it from")
        if self.source == "json":
            _refuse_empty_step(self.expression)
        if self.source == "header":
            wire_header(self.expression, "")
        if self.source == "regex":
            try:
                re.compile(self.expression)
            except re.error as error:
                raise LoadError(f"{self.expression!r} is not a regular expression: {error}") from error

    @property
    def needs_body(self) -> bool:
        """Whether the response body is needed."""
        return self.source in {"json", "regex"}


def _refuse_empty_step(path: str) -> None:
    """Raise `LoadError` for a path that leads nowhere in any body."""
    refuse_undecodable(path, "the JSON path")
    if not all(path.split(".")):
        raise LoadError(f"the JSON path {path!r} has an empty step", next_step="use a dotted path such as items.0.name")


def _refuse_invalid_json(text: str) -> None:
    """Raise `LoadError` for an expected value that is not valid JSON."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        hint = f"put a string in quotes: {json.dumps(text)}"
        raise LoadError(f"the expected value {text!r} is not JSON: {error}", next_step=hint) from error
