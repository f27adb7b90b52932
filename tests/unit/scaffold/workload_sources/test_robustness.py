"""Whatever a source contains, an import either succeeds or is refused with one of kindgate's errors."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kindgate.errors import KindgateError
from kindgate.scaffold.workload_sources.importing import ImportRequest, SourceKind
from tests.unit.scaffold.workload_sources.imports import UNSAFE, everything, imported_text

WORDS = [
    "openapi",
    "swagger",
    "3.1.0",
    "2.0",
    "paths",
    "/a",
    "/a/{id}",
    "get",
    "post",
    "parameters",
    "name",
    "in",
    "query",
    "path",
    "header",
    "cookie",
    "required",
    "schema",
    "type",
    "object",
    "array",
    "string",
    "integer",
    "properties",
    "items",
    "enum",
    "example",
    "examples",
    "default",
    "$ref",
    "#/paths",
    "#/components/schemas/A",
    "components",
    "schemas",
    "A",
    "requestBody",
    "content",
    "application/json",
    "multipart/form-data",
    "security",
    "securitySchemes",
    "apiKey",
    "http",
    "bearer",
    "log",
    "entries",
    "request",
    "response",
    "url",
    "method",
    "GET",
    "POST",
    "https://a.example.com/b",
    "headers",
    "postData",
    "mimeType",
    "text",
    "params",
    "startedDateTime",
    "2026-01-31T12:00:00Z",
    "status",
    "pageref",
    "time",
    "servers",
    "variables",
    "responses",
    "200",
    "allOf",
    "oneOf",
    "id",
]
SCALARS = st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers(-3, 600) | st.text(max_size=4)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5), max_leaves=25
)


@st.composite
def descriptions(draw: st.DrawFn) -> Any:
    """A document with the outline of an OpenAPI description."""
    operation = draw(DOCUMENTS)
    version = draw(st.sampled_from([{"openapi": "3.1.0"}, {"swagger": "2.0"}]))
    return {
        **version,
        "paths": {"/a/{id}": {"get": operation, "post": draw(DOCUMENTS)}},
        "components": draw(DOCUMENTS),
        "servers": draw(DOCUMENTS),
    }


@st.composite
def recordings(draw: st.DrawFn) -> Any:
    """A document with the outline of a recording."""
    entries = draw(
        st.lists(st.fixed_dictionaries({"request": DOCUMENTS, "response": DOCUMENTS, "startedDateTime": SCALARS}) | DOCUMENTS, max_size=4)
    )
    valid = {
        "startedDateTime": "2026-01-31T12:00:00Z",
        "time": draw(SCALARS),
        "request": {"url": "https://a.example.com/b", "method": "POST", "headers": draw(DOCUMENTS), "postData": draw(DOCUMENTS)},
        "response": {"status": 200, "content": draw(DOCUMENTS)},
    }
    return {"log": {"entries": [valid, *entries]}}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60, deadline=None)
@given(document=descriptions() | recordings() | DOCUMENTS, kind=st.sampled_from([SourceKind.OPENAPI, SourceKind.HAR]))
def test_any_document_is_imported_or_refused(document: Any, kind: SourceKind, tmp_path: Path) -> None:
    """Real descriptions and recordings contain mistakes of every kind."""
    with contextlib.suppress(KindgateError):
        everything(tmp_path, kind, json.dumps(document))


STATEMENTS = st.lists(
    st.sampled_from(
        [
            "http.get('https://a.example.com/b')",
            "const",
            "a",
            "=",
            "1;",
            "let",
            "[b,",
            "c]",
            "=",
            "d;",
            "({a,",
            "...b})",
            "=>",
            "a[0]?.b",
            "for",
            "(;;)",
            "{}",
            "for",
            "(const",
            "x",
            "in",
            "y)",
            "{}",
            "class",
            "A",
            "{",
            "m()",
            "{}",
            "}",
            "`t${a}`",
            "/re/g",
            "new",
            "Map()",
            "async",
            "()",
            "=>",
            "await",
            "a",
            "function*",
            "g()",
            "{",
            "yield",
            "1",
            "}",
            "a",
            "??",
            "b;",
            "a",
            "?",
            "b",
            ":",
            "c;",
            "delete",
            "a.b;",
            "-a;",
            "+a;",
            "!a;",
            "a++;",
            "a",
            "=",
            "b",
            "=",
            "c;",
            "return;",
            "throw",
            "a;",
            "http.post(a,",
            "b,",
            "c)",
            "http.batch([[]])",
            "http.batch({a:",
            "1})",
            "http.request()",
            "check()",
            "group()",
            "sleep()",
            "group('a',",
            "1)",
            "JSON.parse('{')",
            "a.b.c()",
            "1",
            "/",
            "0",
        ]
    ),
    max_size=30,
).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(body=STATEMENTS | st.text(max_size=60))
def test_any_script_is_imported_or_refused(body: str, tmp_path: Path) -> None:
    """JavaScript has more forms than a reader of requests knows."""
    text = f"import http from 'k6/http';\nexport default function () {{\nhttp.get('https://a.example.com/');\n{body}\n}}\n"
    with contextlib.suppress(KindgateError):
        imported_text(tmp_path, SourceKind.K6, text, UNSAFE)


@pytest.mark.parametrize(
    ("kind", "name", "command"),
    [
        (SourceKind.OPENAPI, "https://user:pw@api.example.com/v1/openapi.json?token=x", "https://api.example.com/v1/openapi.json"),
        (SourceKind.K6, "/home/jane.doe/load/script.js", "script.js"),
        (SourceKind.HAR, "jane.doe@corp.com.har", "FILE"),
    ],
)
def test_the_recorded_command_names_no_credentials_and_no_folder(kind: SourceKind, name: str, command: str) -> None:
    """It is written into the workload."""
    assert ImportRequest(kind, name, UNSAFE).command == f"kindgate init {kind} {command}"
