"""No secret and no personal data of a source reaches a file or the terminal, whichever place of the source it is in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from kindgate.scaffold.workload_sources.importing import SourceKind
from tests.unit.scaffold.workload_sources.imports import entry, everything, har, log_line, openapi

CANARIES = {
    "a token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "a JSON Web Token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ",
    "an email address": "canary.person@corp.com",
    "a phone number": "+49 170 1234567",
    "a card number": "4111 1111 1111 1111",
    "an account number": "DE89370400440532013000",
}
"""Values that are private wherever they are."""

SESSION = "canary-5e55i0n"
"""A value that is private because of its name."""

OPERATION = {"responses": {"200": {"description": "ok"}}}


def parameter(place: str, value: str, name: str = "q") -> dict[str, object]:
    """An operation with one required parameter."""
    return {**OPERATION, "parameters": [{"name": name, "in": place, "required": True, "example": value, "schema": {"type": "string"}}]}


def with_body(media_type: str, value: object) -> dict[str, object]:
    """An operation with a body."""
    return {**OPERATION, "requestBody": {"content": {media_type: {"example": value}}}}


OPENAPI: dict[str, Callable[[str], str]] = {
    "path": lambda value: openapi({f"/hooks/{value}": {"get": OPERATION}, "/": {"get": OPERATION}}),
    "path parameter": lambda value: openapi({"/items/{q}": {"get": parameter("path", value)}, "/": {"get": OPERATION}}),
    "query": lambda value: openapi({"/items": {"get": parameter("query", value)}}),
    "query's name": lambda value: openapi({"/items": {"get": parameter("query", "1", value)}, "/": {"get": OPERATION}}),
    "header": lambda value: openapi({"/items": {"get": parameter("header", value, "X-Note")}}),
    "cookie": lambda value: openapi({"/items": {"get": parameter("cookie", value, "note")}}),
    "JSON body": lambda value: openapi({"/items": {"post": with_body("application/json", {"a": {"note": [value]}})}}),
    "key of a JSON body": lambda value: openapi({"/items": {"post": with_body("application/json", {value: 1})}}),
    "form": lambda value: openapi({"/items": {"post": with_body("application/x-www-form-urlencoded", {"note": value})}}),
    "text body": lambda value: openapi({"/items": {"post": with_body("text/plain", f"note: {value}")}, "/": {"get": OPERATION}}),
    "default": lambda value: openapi(
        {"/i": {"get": {**OPERATION, "parameters": [{"name": "q", "in": "query", "required": True, "schema": {"default": value}}]}}}
    ),
    "enumeration": lambda value: openapi(
        {"/i/{q}": {"get": {**OPERATION, "parameters": [{"name": "q", "in": "path", "schema": {"enum": [value, "b"]}}]}}}
    ),
    "operation's id": lambda value: openapi({"/items": {"get": {**OPERATION, "operationId": value}}, "/": {"get": OPERATION}}),
    "tag": lambda value: openapi({"/items": {"get": {**OPERATION, "tags": [value]}}, "/": {"get": OPERATION}}),
    "server": lambda value: openapi({"/": {"get": OPERATION}}, servers=[{"url": f"https://user:{quote(value)}@shop.example.com/v1"}]),
}

HAR: dict[str, Callable[[str], str]] = {
    "path": lambda value: har(entry(f"https://shop.example.com/a/{quote(value)}/b"), entry("https://shop.example.com/")),
    "query": lambda value: har(entry(f"https://shop.example.com/a?q={quote(value)}")),
    "query's name": lambda value: har(entry(f"https://shop.example.com/a?{quote(value)}=1")),
    "header": lambda value: har(
        entry("https://shop.example.com/a", headers={"X-Note": value, "Accept": f"application/json; note={value}"})
    ),
    "authorization": lambda value: har(entry("https://shop.example.com/a", headers={"Authorization": f"Bearer {value}"})),
    "cookie": lambda value: har(entry("https://shop.example.com/a", headers={"Cookie": f"note={value}"})),
    "JSON body": lambda value: har(entry("https://shop.example.com/a", "POST", body=json.dumps({"a": [{"note": value}]}))),
    "key of a JSON body": lambda value: har(entry("https://shop.example.com/a", "POST", body=json.dumps({value: 1}))),
    "form": lambda value: har(
        entry("https://shop.example.com/a", "POST", body=f"note={quote(value)}", media_type="application/x-www-form-urlencoded")
    ),
    "name in a form": lambda value: har(
        entry("https://shop.example.com/a", "POST", body=f"{quote(value)}=1", media_type="application/x-www-form-urlencoded"),
        entry("https://shop.example.com/"),
    ),
    "text body": lambda value: har(
        entry("https://shop.example.com/a", "POST", body=f"note {value}", media_type="text/plain"), entry("https://shop.example.com/")
    ),
    "answer": lambda value: har(entry("https://shop.example.com/a", answer={"note": value, value: 1}), entry("https://shop.example.com/b")),
    "page": lambda value: har(entry("https://shop.example.com/a", page=value), entry("https://shop.example.com/b", page=value)),
    "host": lambda value: har(entry("https://shop.example.com/a"), entry(f"https://user:{quote(value)}@shop.example.com/b")),
}

K6: dict[str, Callable[[str], str]] = {
    "path": lambda value: f"http.get('https://shop.example.com/a/{value}/b'); http.get('https://shop.example.com/');",
    "query": lambda value: f"http.get('https://shop.example.com/a?q={value}');",
    "query in a template": lambda value: (
        f"http.get(`https://shop.example.com/a?n=${{__ENV.REGION}}&q={value}`); http.get('https://shop.example.com/');"
    ),
    "header": lambda value: f"http.get('https://shop.example.com/a', {{headers: {{'X-Note': '{value}'}}}});",
    "part of a header": lambda value: f"http.get('https://shop.example.com/a', {{headers: {{'X-Note': `${{__ENV.REGION}} {value}`}}}});",
    "cookies": lambda value: f"http.get('https://shop.example.com/a', {{cookies: {{note: '{value}'}}}});",
    "JSON body": lambda value: f"http.post('https://shop.example.com/a', JSON.stringify({{a: [{{note: '{value}'}}]}}));",
    "JSON text": lambda value: f"""http.post('https://shop.example.com/a', '{{"note": "{value}"}}');""",
    "text body": lambda value: f"http.post('https://shop.example.com/a', 'note {value}'); http.get('https://shop.example.com/');",
    "form": lambda value: f"http.post('https://shop.example.com/a', {{note: '{value}'}});",
    "name in a form": lambda value: f"http.post('https://shop.example.com/a', {{'{value}': 1}}); http.get('https://shop.example.com/');",
    "tag": lambda value: (
        f"http.get('https://shop.example.com/a', {{tags: {{name: '{value}', note: '{value}'}}}}); http.get('https://shop.example.com/');"
    ),
    "group": lambda value: f"group('{value}', () => {{ http.get('https://shop.example.com/a'); }}); http.get('https://shop.example.com/');",
    "check": lambda value: (
        "const r = http.get('https://shop.example.com/a'); http.get('https://shop.example.com/');"
        f" check(r, {{'{value}': (r) => r.body.includes('{value}'), other: (r) => r.json('a') === '{value}'}});"
    ),
    "random choice": lambda value: f"http.get(`https://shop.example.com/a/${{randomItem(['{value}', 'b'])}}`);",
    "expression": lambda value: f"http.get(unknown('{value}')); http.get('https://shop.example.com/');",
    "address": lambda value: f"http.get('https://user:{quote(value)}@shop.example.com/a');",
    "other host": lambda value: f"http.get('https://shop.example.com/a'); http.get('https://{quote(value)}.other-site.net/');",
}

ACCESS_LOG: dict[str, Callable[[str], str]] = {
    "path": lambda value: log_line(f"/a/{quote(value)}/b") + log_line("/"),
    "query": lambda value: log_line(f"/a?q={quote(value)}"),
    "query's name": lambda value: log_line(f"/a?{quote(value)}=1"),
    "method of another": lambda value: log_line(f"/missing/{quote(value)}", status=404) + log_line("/"),
    "agent": lambda value: log_line("/a", agent=value),
    "unreadable line": lambda value: log_line("/a") + log_line("/a") + f"broken {value}\n",
}


def script(body: str) -> str:
    """A k6 script whose default function has the body."""
    return (
        "import http from 'k6/http'; import { check, group } from 'k6';"
        f" import {{ randomItem }} from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';\nexport default function () {{\n{body}\n}}\n"
    )


def script_with(create: Callable[[str], str]) -> Callable[[str], str]:
    """The script whose default function has the body for a value."""
    return lambda value: script(create(value))


PLACES: dict[str, tuple[SourceKind, Callable[[str], str]]] = {
    **{f"OpenAPI: {place}": (SourceKind.OPENAPI, create) for place, create in OPENAPI.items()},
    **{f"HAR: {place}": (SourceKind.HAR, create) for place, create in HAR.items()},
    **{f"k6: {place}": (SourceKind.K6, script_with(create)) for place, create in K6.items()},
    **{f"access log: {place}": (SourceKind.ACCESS_LOG, create) for place, create in ACCESS_LOG.items()},
}

RECORDED: dict[str, tuple[SourceKind, Callable[[str], str]]] = {
    "HAR: body": (SourceKind.HAR, lambda field: har(entry("https://shop.example.com/a", "POST", body=json.dumps({field: SESSION})))),
    "HAR: query": (SourceKind.HAR, lambda field: har(entry(f"https://shop.example.com/a?{field}={SESSION}"))),
    "access log: query": (SourceKind.ACCESS_LOG, lambda field: log_line(f"/a?{field}={SESSION}")),
}
"""Places of a value with a name, in sources that real people caused."""

NAMED: dict[str, tuple[SourceKind, Callable[[str], str]]] = {
    **RECORDED,
    "OpenAPI: query": (SourceKind.OPENAPI, lambda field: openapi({"/a": {"get": parameter("query", SESSION, field)}})),
    "OpenAPI: body": (SourceKind.OPENAPI, lambda field: openapi({"/a": {"post": with_body("application/json", {"a": {field: SESSION}})}})),
    "OpenAPI: path": (SourceKind.OPENAPI, lambda field: openapi({f"/a/{{{field}}}": {"get": parameter("path", SESSION, field)}})),
    "k6: form": (SourceKind.K6, lambda field: script(f"http.post('https://shop.example.com/a', {{{field}: '{SESSION}'}});")),
    "k6: query": (SourceKind.K6, lambda field: script(f"http.get('https://shop.example.com/a?{field}={SESSION}');")),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_private_value_is_neither_written_nor_shown(place: str, tmp_path: Path) -> None:
    """A workload is committed, so one missed value is published."""
    kind, create = PLACES[place]
    for number, (name, value) in enumerate(CANARIES.items()):
        folder = tmp_path / str(number)
        folder.mkdir()

        text = everything(folder, kind, create(value))

        for form in (value, quote(value), quote(value, safe=""), value.replace(" ", "+"), value.replace(" ", "")):
            assert form not in text, name


@pytest.mark.parametrize("field", ["password", "apiKey", "client_secret", "access_token"])
@pytest.mark.parametrize("place", NAMED)
def test_the_value_of_a_secrets_name_is_not_written(place: str, field: str, tmp_path: Path) -> None:
    """A password without a recognizable format is one because of its name."""
    kind, create = NAMED[place]

    assert SESSION not in everything(tmp_path, kind, create(field))


@pytest.mark.parametrize("field", ["sid", "csrf", "sessionId"])
@pytest.mark.parametrize("place", RECORDED)
def test_a_recorded_session_is_not_written(place: str, field: str, tmp_path: Path) -> None:
    """A session that is still valid logs its reader in."""
    kind, create = RECORDED[place]

    assert SESSION not in everything(tmp_path, kind, create(field))


@pytest.mark.parametrize(
    "path", ["/users/canary-name", "/@canary-name", "/reset/canary-code-7Qx", "/invite/canary-code-7Qx", "/~/canary-name"]
)
@pytest.mark.parametrize("kind", [SourceKind.HAR, SourceKind.ACCESS_LOG])
def test_names_of_people_and_one_time_values_in_paths_are_not_written(kind: SourceKind, path: str, tmp_path: Path) -> None:
    """Real paths name people, and some of them work once."""
    recorded = har(entry(f"https://shop.example.com{path}"), entry("https://shop.example.com/"))

    assert "canary" not in everything(tmp_path, kind, recorded if kind is SourceKind.HAR else log_line(path) + log_line("/"))
