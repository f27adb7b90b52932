"""Values of recorded answers that later requests may use: ids and tokens in JSON, hidden fields of forms in HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, Literal, TypeAlias

from kindgate.scaffold.workload_sources.har_entries import RecordedRequest
from kindgate.scaffold.workload_sources.naming import identifier

Place: TypeAlias = tuple[Literal["json", "regex"], str, str]
"""Where a value is in an answer: the kind of extraction, its expression, and a name for the value."""

_ID_KEY = re.compile(r"(?:^|_)(?:id|uuid|guid|slug|key|hash|number|ref|reference|code)$")
_LONG = 8
"""Minimum characters of a value that is recognized by itself, whatever its name."""

_SHORT = 4
"""Minimum characters of a value in a body that is not named like an id."""

_VALUES = 5000
"""Maximum number of values of an answer or body that are looked at."""

_SPECIAL = re.compile(r"([\\.^$*+?{}\[\]|()])")


def identifying_values(request: RecordedRequest) -> Iterator[tuple[str, Place]]:
    """Texts of an answer that identify something, with their place: ids by their names, long texts, and hidden fields."""
    for path, value in _scalars(request.answer):
        name = identifier("_".join(part for part in path if not part.isdigit()))
        if path and (is_id(path[-1]) or (len(value) >= _LONG and " " not in value)) and not any("." in part for part in path):
            yield value, ("json", ".".join(path), name)
    if request.page_text:
        fields = _HiddenFields()
        fields.feed(request.page_text)
        yield from fields.found


def body_values(request: RecordedRequest) -> Iterator[tuple[str, str]]:
    """Names and values of a body's fields that an earlier answer may have provided: a small number is one only as an id."""
    if request.body is None:
        return
    fields = list(request.body.fields)
    if request.body.media_type.endswith("json"):
        scalars = _scalars(json.loads(request.body.text))
        fields += [(next((part for part in reversed(path) if not part.isdigit()), ""), value) for path, value in scalars]
    yield from ((name, value) for name, value in fields if is_id(name) or len(value) >= _SHORT)


def is_id(name: str) -> bool:
    """Whether a field with this name identifies something."""
    return _ID_KEY.search(identifier(name)) is not None


def _scalars(document: Any) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ANN401  # a JSON value
    """The texts and integers of a JSON value, as texts with their paths, in its order."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), document)]
    seen = 0
    while stack and seen < _VALUES:
        path, value = stack.pop()
        seen += 1
        if isinstance(value, Mapping):
            stack += [((*path, str(key)), item) for key, item in reversed(list(value.items()))]
        elif isinstance(value, list):
            stack += [((*path, str(index)), item) for index, item in reversed(list(enumerate(value)))]
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield path, str(value)


class _HiddenFields(HTMLParser):
    """Finds `<input type="hidden">` and `<meta name="csrf-token">`, each with a regular expression for its value."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Place]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag."""
        given = dict(attrs)
        name, key = given.get("name"), "value" if tag == "input" else "content"
        value = given.get(key)
        is_hidden = (tag == "input" and given.get("type") == "hidden") or (tag == "meta" and "csrf" in (name or "").lower())
        source = self.get_starttag_text() or ""
        start = source.find(value) if value else -1
        if is_hidden and name and value and len(value) >= _LONG and start > 0:
            prefix = _SPECIAL.sub(r"\\\1", source[:start])
            expression = prefix + "([^\"']+)"
            self.found.append((value, ("regex", expression, identifier(name))))
