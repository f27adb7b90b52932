"""The headers and bodies of recorded requests, without secrets and personal data."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kindgate.scaffold.workload_sources.har_entries import RecordedRequest
from kindgate.scaffold.workload_sources.privacy import Scrubber, private_reason
from kindgate.scaffold.workload_sources.selection import SAFE_METHODS
from kindgate.workload.model import FormBody, JsonBody, RequestBody, TextBody
from kindgate.workload.placeholders import escaped

FORM = "application/x-www-form-urlencoded"

_KEPT_HEADERS = frozenset({"accept", "x-requested-with"})
_ACCEPTED_BY_ALL = frozenset({"*/*", ""})


def body_refusal(entry: RecordedRequest) -> str:
    """Why a workload cannot describe the request's body; empty if it can."""
    body = entry.body
    if body is None or entry.method in SAFE_METHODS or body.media_type == FORM:
        return ""
    if body.media_type.startswith("multipart/"):
        return "its body is multipart, which a workload cannot describe"
    if body.media_type.endswith("json"):
        return "" if is_json(body.text) else "its body is not the JSON that its type names"
    return "its body contains a secret or personal data" if private_reason("", body.text, recorded=True) else ""


def written_body(entry: RecordedRequest, scrubber: Scrubber, bound: Mapping[tuple[str, str], str]) -> RequestBody | None:
    """The body of a workload; `bound` maps names and values of fields to the placeholders of earlier answers."""
    body = entry.body
    if body is None or entry.method in SAFE_METHODS:
        return None
    if body.media_type == FORM:
        return FormBody(
            tuple((scrubber.field(name), bound.get((name, value)) or scrubber.text(name, value)) for name, value in body.fields)
        )
    if body.media_type.endswith("json"):
        return JsonBody(scrubber.json(json.loads(body.text), bound=bound))
    return TextBody(escaped(body.text))


def written_headers(entry: RecordedRequest, scrubber: Scrubber) -> tuple[tuple[str, str], ...]:
    """The headers that decide about the answer, and the type of a body that is neither JSON nor a form."""
    kept = [
        (name.title(), scrubber.text("", value))
        for name, value in entry.headers
        if name.lower() in _KEPT_HEADERS and value not in _ACCEPTED_BY_ALL and "text/html" not in value
    ]
    body = entry.body
    if body is not None and entry.method not in SAFE_METHODS and body.media_type not in {FORM, "", "application/json"}:
        kept.append(("Content-Type", body.media_type))
    return tuple(kept)


def is_json(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
