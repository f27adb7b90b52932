"""Turn the requests of a workload into the engine's: texts become templates, files their content. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote_plus

from kindgate.load.expectation import SCHEMA_SAMPLE, Expectation
from kindgate.load.plan import Route
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.workload.data_files import WorkloadData
from kindgate.workload.model import ExpectedResponse, FileBody, FormBody, Json, JsonBody, RequestBody, TextBody, WorkloadRoute
from kindgate.workload.placeholders import split_text

_CONTENT_TYPES: Final[Mapping[type[object], str]] = {
    JsonBody: "application/json",
    FormBody: "application/x-www-form-urlencoded",
    TextBody: "text/plain; charset=utf-8",
    FileBody: "application/octet-stream",
}
"""The Content-Type of a body whose request names none."""


def engine_route(request: WorkloadRoute, data: WorkloadData, *, url: str, host: str) -> Route:
    """The request to `host` at the address `url` (without a path), outside of the mix (weight 0)."""
    header_templates = [(name, _template(value, Encoding.TEXT)) for name, value in _headers(request)]
    constant = [(name, template.constant) for name, template in header_templates]
    body = request.body
    route = Route(
        url=url,
        host=host,
        method=request.method,
        headers=tuple((name, value) for name, value in constant if value is not None),
        body=data.bodies[body.file] if isinstance(body, FileBody) else b"",
        name=request.name,
        weight=0,
        path=_template(request.path, Encoding.URL),
        header_templates=tuple((name, template) for name, template in header_templates if template.constant is None),
        expect=_expectation(request.expect, data),
        extract=request.extract,
        timeout=request.timeout,
        tags=request.tags,
    )
    template = body_template(body)
    if template is None:
        return route
    text = template.constant
    return replace(route, body_template=template) if text is None else replace(route, body=text.encode())


def body_template(body: RequestBody | None) -> Template | None:
    """The text of a body with its placeholders; None without a body, and for the content of a file."""
    match body:
        case JsonBody(value):
            return Template(tuple(_joined(_json_parts(value))))
        case TextBody(text):
            return _template(text, Encoding.TEXT)
        case FormBody(fields):
            return Template(tuple(_joined(_form_parts(fields))))
        case _:
            return None


def _headers(request: WorkloadRoute) -> tuple[tuple[str, str], ...]:
    if request.body is None or any(name.lower() == "content-type" for name, _ in request.headers):
        return request.headers
    return (*request.headers, ("Content-Type", _CONTENT_TYPES[type(request.body)]))


def _template(text: str, encoding: Encoding) -> Template:
    return Template(tuple(part if isinstance(part, str) else Placeholder(part.name, encoding) for part in split_text(text)))


def _json_parts(value: Json) -> Iterator[str | Placeholder]:
    """The JSON text of a value. A string that is only a placeholder becomes the value itself, a number for example."""
    if isinstance(value, str):
        parts = tuple(split_text(value))
        if len(parts) == 1 and not isinstance(parts[0], str):
            yield Placeholder(parts[0].name, Encoding.JSON)
            return
        yield '"'
        yield from (_inside_string(part) if isinstance(part, str) else Placeholder(part.name, Encoding.JSON_STRING) for part in parts)
        yield '"'
    elif isinstance(value, Mapping):
        for number, (key, part) in enumerate(value.items()):
            yield f"{',' if number else '{'}{json.dumps(key, ensure_ascii=False)}:"
            yield from _json_parts(part)
        yield "}" if value else "{}"
    elif isinstance(value, Sequence):
        for number, part in enumerate(value):
            yield "," if number else "["
            yield from _json_parts(part)
        yield "]" if value else "[]"
    else:
        yield json.dumps(value)


def _inside_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _form_parts(fields: Sequence[tuple[str, str]]) -> Iterator[str | Placeholder]:
    """Fields as a form sends them (application/x-www-form-urlencoded)."""
    for number, (name, text) in enumerate(fields):
        yield f"{'&' if number else ''}{quote_plus(name)}="
        yield from (quote_plus(part) if isinstance(part, str) else Placeholder(part.name, Encoding.FORM) for part in split_text(text))


def _joined(parts: Iterator[str | Placeholder]) -> Iterator[str | Placeholder]:
    """The parts with neighboring texts joined, which makes rendering faster."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text


def _expectation(expected: ExpectedResponse, data: WorkloadData) -> Expectation | None:
    """The requirements in the engine's form; None if only the default ones apply."""
    if expected == ExpectedResponse():
        return None
    schema = expected.schema
    return Expectation(
        statuses=expected.statuses,
        headers=expected.headers,
        substring=expected.contains,
        json=tuple((path, json.dumps(value)) for path, value in expected.json),
        exists=expected.exists,
        size_min=expected.size_min,
        size_max=expected.size_max,
        schema="" if schema is None else data.schemas[schema] if isinstance(schema, str) else json.dumps(schema),
        sample=expected.sample if expected.sample is not None else SCHEMA_SAMPLE,
    )
