"""The requests of a HAR file (HTTP Archive 1.2), as browsers record them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kindgate.scaffold.workload_sources.source_positions import Pointer
from kindgate.scaffold.workload_sources.source_text import SourceText

_LONGEST_PAGE = 1_000_000
"""Maximum characters of a page that are looked at."""


@dataclass(frozen=True)
class RecordedBody:
    """A request's body: its media type without parameters, and its text; `fields` of a form."""

    media_type: str
    text: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RecordedRequest:
    """A request and its answer. Times are in seconds, `started` since the epoch.

    `answer` is the response's JSON, None if it is not JSON; `page_text` its HTML, empty if it is none.
    """

    page: str
    started: float
    duration: float
    method: str
    host: str
    target: str
    scheme: str
    headers: tuple[tuple[str, str], ...]
    body: RecordedBody | None
    status: int
    media_type: str
    resource: str
    answer: Any
    page_text: str

    @property
    def ended(self) -> float:
        """When the response had arrived."""
        return self.started + self.duration


def read_entries(source: SourceText) -> tuple[RecordedRequest, ...]:
    """The requests in the order in which they were sent. Raises `SloError` with line and column for a file that is not a HAR file."""
    document = source.value()
    log = document.get("log") if isinstance(document, Mapping) else None
    entries = log.get("entries") if isinstance(log, Mapping) else None
    if not isinstance(entries, list):
        raise source.error("a HAR file has a list of requests in log.entries", ("log", "entries"), next_step="export the recording as HAR")
    found = [_entry(source, entry, ("log", "entries", index)) for index, entry in enumerate(entries)]
    return tuple(sorted(found, key=lambda one: one.started))


def _entry(source: SourceText, entry: Any, pointer: Pointer) -> RecordedRequest:  # noqa: ANN401  # a JSON value
    request, response = (_map(_map(entry).get(key)) for key in ("request", "response"))
    url, method = request.get("url"), request.get("method")
    if not isinstance(url, str) or not isinstance(method, str):
        raise source.error("the request has no url or no method", (*pointer, "request"))
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError as error:
        raise source.error(f"the address is not valid: {error}", (*pointer, "request", "url")) from error
    started = _time(_map(entry).get("startedDateTime"))
    if started is None:
        raise source.error("startedDateTime is not a time in ISO 8601", (*pointer, "startedDateTime"))
    duration, status = _map(entry).get("time"), response.get("status")
    content = _map(response.get("content"))
    media_type = _media_type(content.get("mimeType"))
    return RecordedRequest(
        page=str(_map(entry).get("pageref") or ""),
        started=started,
        duration=max(0.0, duration / 1000) if isinstance(duration, int | float) else 0.0,
        method=method.upper(),
        host=host,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        scheme=parts.scheme,
        headers=_pairs(request.get("headers")),
        body=_body(request.get("postData")),
        status=status if isinstance(status, int) else 0,
        media_type=media_type,
        resource=str(_map(entry).get("_resourceType") or ""),
        answer=_json(_text(content)) if media_type.endswith("json") else None,
        page_text=_text(content)[:_LONGEST_PAGE] if media_type == "text/html" else "",
    )


def _body(value: Any) -> RecordedBody | None:  # noqa: ANN401  # a JSON value
    data = _map(value)
    text = data.get("text")
    fields = _pairs(data.get("params"))
    if not isinstance(text, str) and not fields:
        return None
    media_type = _media_type(data.get("mimeType"))
    if not fields and media_type == "application/x-www-form-urlencoded":
        fields = tuple(parse_qsl(str(text), keep_blank_values=True))
    return RecordedBody(media_type, text if isinstance(text, str) else "", fields)


def _text(content: Mapping[str, Any]) -> str:
    """The text of a response, empty if the recording does not have it."""
    text = content.get("text")
    if not isinstance(text, str):
        return ""
    try:
        return base64.b64decode(text).decode(errors="replace") if content.get("encoding") == "base64" else text
    except binascii.Error:
        return ""


def _json(text: str) -> Any:  # noqa: ANN401  # a JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401  # a JSON value
    """Names and values of HAR's lists of objects."""
    items = value if isinstance(value, list) else []
    return tuple((str(item["name"]), str(item.get("value", ""))) for item in items if isinstance(item, Mapping) and "name" in item)


def _media_type(value: object) -> str:
    return str(value or "").partition(";")[0].strip().lower()


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _time(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
