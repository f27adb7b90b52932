"""A response and its evaluation: whether it is as expected, and the values that later requests take from it. Pure."""

from __future__ import annotations

import codecs
import functools
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.template import Value

_CHARSET: Final = re.compile(rb"""charset\s*=\s*["']?([^\s;"',]+)""", re.IGNORECASE)

_UTF8: Final = "utf-8"

_NOT_FOUND: Final = (ValueError, LookupError, TypeError, RecursionError)
"""Errors of a JSON path that leads nowhere, and of a body that is not JSON."""


class Response:
    """A response: its status, its decoded body with its charset, and the header lines received.

    `head` holds raw lines as libcurl delivers them, including those of interim responses and of redirects that were followed.
    """

    def __init__(self, status: int, head: Sequence[bytes] = (), body: bytes = b"", charset: str = _UTF8) -> None:
        self.status = status
        self.body = body
        self.charset = charset
        self._head = head

    @functools.cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Names in lower case and values of the last response's headers."""
        starts = [index for index, line in enumerate(self._head) if line.startswith(b"HTTP/")]
        return _fields(self._head[starts[-1] + 1 :] if starts else self._head)

    @functools.cached_property
    def cookies(self) -> dict[str, str]:
        """Cookies set by the response, or by a redirect on the way to it; the last one of a name counts."""
        pairs = (value.partition(";")[0].partition("=") for name, value in _fields(self._head) if name == "set-cookie")
        return {name.strip(): value.strip() for name, _, value in pairs}

    @functools.cached_property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(self.charset, errors="replace")

    @functools.cached_property
    def document(self) -> Any:  # noqa: ANN401 - any JSON document
        """The body as JSON; raises `ValueError` or `RecursionError` for anything else."""
        return json.loads(self.body if self.charset == _UTF8 else self.body.decode(self.charset))

    def header(self, name: str) -> str | None:
        """The value of a header, several lines joined by commas (RFC 9110, section 5.3); None if it is missing."""
        values = [value for each, value in self.headers if each == name.lower()]
        return ", ".join(values) if values else None

    def json_at(self, path: str) -> Any:  # noqa: ANN401 - any part of a JSON document
        """The value at a dotted path; raises one of several errors if the path leads nowhere."""
        value = self.document
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
        return value


def status_expected(expect: Expectation | None, status: int) -> bool:
    """Whether the status is as expected: below 400 unless the expectation lists statuses."""
    if expect is None or not expect.statuses:
        return status < 400
    for low, high in expect.statuses:  # noqa: SIM110  # a generator takes five times as long
        if low <= status <= high:
            return True
    return False


def unmet(expect: Expectation | None, response: Response) -> str:
    """What is wrong with a response, as a clause about it; empty if it is as expected. A JSON schema is checked elsewhere."""
    if not status_expected(expect, response.status):
        return f"has the status {response.status}"
    if expect is None:
        return ""
    for name, text in expect.headers:
        value = response.header(name)
        if value is None or text not in value:
            return f"has no header {name}" if value is None else f"has {value!r} in the header {name}, without {text!r}"
    size = len(response.body)
    if size < (expect.size_min or 0) or (expect.size_max is not None and size > expect.size_max):
        return f"has {size} bytes"
    if expect.substring and not _contains(response, expect.substring):
        return f"lacks the text {expect.substring!r}"
    return _unmet_json(expect, response)


def extracted(extraction: Extraction, response: Response) -> Value:
    """The value that `extraction` takes from a response; raises `LoadError` if the response does not have it."""
    what = extraction.expression
    try:
        match extraction.source:
            case "json":
                value: Value = response.json_at(what)
                return value
            case "cookie":
                return response.cookies[what]
            case "regex":
                found = re.search(what, response.text)
                text = found[1 if found.re.groups else 0] if found else None
            case _:
                text = response.header(what)
    except _NOT_FOUND:
        text = None
    if text is None:
        raise LoadError(f"the response has no {extraction.name!r}: nothing is found with the {extraction.source} {what!r}")
    return text


@functools.lru_cache(maxsize=64)
def charset_of(content_type: bytes | None) -> str:
    """The charset named by a Content-Type header; UTF-8 if it names none that Python supports."""
    match = _CHARSET.search(content_type or b"")
    try:
        name = codecs.lookup(match[1].decode("ascii")).name if match else _UTF8
        b"\xff".decode(name, errors="replace")  # rejects codecs that are not text encodings or cannot replace errors
    except (LookupError, ValueError):  # an unknown name, a name with a null character, not a text encoding
        return _UTF8
    return _UTF8 if name == "ascii" else name


def _fields(lines: Iterable[bytes]) -> tuple[tuple[str, str], ...]:
    """The header fields among raw header lines; values are UTF-8, or Latin-1 if they are not (RFC 9110, section 5.5)."""
    pairs = (line.partition(b":") for line in lines)
    return tuple((name.decode("latin-1").strip().lower(), _field_value(value.strip())) for name, colon, value in pairs if colon)


def _field_value(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _contains(response: Response, text: str) -> bool:
    return text.encode() in response.body if response.charset == _UTF8 else text in response.text


def _unmet_json(expect: Expectation, response: Response) -> str:
    path = ""
    try:
        for path in expect.exists:
            response.json_at(path)
        for path, expected in expect.json:
            value = response.json_at(path)
            if not _equals(value, json.loads(expected)):
                return f"has another value than {expected} at {path}"
    except _NOT_FOUND:
        return f"has no JSON value at {path}"
    return ""


def _equals(value: Any, expected: Any) -> bool:  # noqa: ANN401 - any part of a JSON document
    """JSON equality: true is not 1."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(_equals(value[key], expected[key]) for key in value)
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(_equals, value, expected))
    return bool(value == expected)
