"""Requests of a workload as the engine's: what is rendered decodes back."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.load.expectation import SCHEMA_SAMPLE, Expectation, Extraction
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.workload.data_files import WorkloadData
from kindgate.workload.engine_routes import body_template, engine_route
from kindgate.workload.model import ExpectedResponse, FileBody, FormBody, Json, JsonBody, RequestBody, TextBody, WorkloadRoute
from kindgate.workload.placeholders import escaped

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)
DATA = WorkloadData((), {"blob.bin": b"\x00\xff"}, {"s.json": '{"type": "object"}'})


def rendered(body: RequestBody, **values: Json) -> str:
    """The body that is sent."""
    template = body_template(body)
    assert template is not None
    return template.render(values).decode()


def escaped_json(value: Json) -> Json:
    """A JSON value whose strings mean themselves."""
    if isinstance(value, dict):
        return {key: escaped_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escaped_json(item) for item in value]
    return escaped(value) if isinstance(value, str) else value


@given(JSON)
def test_a_json_body_is_the_value_itself(value: Json) -> None:
    """Without placeholders it is one constant text."""
    template = body_template(JsonBody(escaped_json(value)))

    assert template is not None
    assert template.constant is not None
    assert json.loads(template.constant) == value


@given(JSON, TEXTS)
def test_a_placeholder_alone_takes_the_type_of_its_value(value: Json, text: str) -> None:
    """Inside a text it becomes part of the text."""
    body = JsonBody({"a": "{x}", "b": ["<{x}>", "{y}"]})

    assert json.loads(rendered(body, x=text, y=value)) == {"a": text, "b": [f"<{text}>", value]}


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3), TEXTS)
def test_a_form_decodes_to_its_fields(fields: list[tuple[str, str]], value: str) -> None:
    """Values with separators stay values."""
    body = FormBody((*((name, escaped(text)) for name, text in fields), ("last", "a {x}")))

    decoded = parse_qsl(rendered(body, x=value), keep_blank_values=True, strict_parsing=True)

    assert decoded == [*fields, ("last", f"a {value}")]


def test_neighboring_literal_texts_are_one_part() -> None:
    """Each part is a step of every request."""
    assert body_template(JsonBody({"a": [1, "x", "{y}"], "b": 2})) == Template(
        ('{"a":[1,"x",', Placeholder("y", Encoding.JSON), '],"b":2}')
    )


def test_a_request_becomes_a_route() -> None:
    """Constant headers and bodies are not rendered for each request."""
    request = WorkloadRoute(
        "order",
        "/orders/{id}?note={{id}}",
        "PUT",
        headers=(("Accept", "text/html"), ("X-Key", "k {key}")),
        body=TextBody("fixed"),
        weight=6,
        expect=ExpectedResponse(((200, 299),), (("ETag", "W"),), "ok", (("a.b", [1, "é"]),), ("c",), "s.json", None, 1, 9),
        extract=(Extraction("token", "json", "token"),),
        timeout=2,
        tags=(("team", "catalog"),),
    )

    route = engine_route(request, DATA, url="https://127.0.0.1:8443", host="shop.localhost")

    assert (route.url, route.host, route.method, route.name, route.weight) == (
        "https://127.0.0.1:8443",
        "shop.localhost",
        "PUT",
        "order",
        0,
    )
    assert route.path == Template(("/orders/", Placeholder("id", Encoding.URL), "?note={id}"))
    assert route.headers == (("Accept", "text/html"), ("Content-Type", "text/plain; charset=utf-8"))
    assert route.header_templates == (("X-Key", Template(("k ", Placeholder("key")))),)
    assert (route.body, route.body_template) == (b"fixed", None)
    assert route.expect is not None
    assert [(path, json.loads(value)) for path, value in route.expect.json] == [("a.b", [1, "é"])]
    assert route.expect == Expectation(
        ((200, 299),), (("ETag", "W"),), "ok", route.expect.json, ("c",), 1, 9, '{"type": "object"}', SCHEMA_SAMPLE
    )
    assert (route.extract, route.timeout, route.tags) == (request.extract, 2, (("team", "catalog"),))


@pytest.mark.parametrize(
    ("body", "content", "kind"),
    [
        (JsonBody([1]), b"[1]", "application/json"),
        (TextBody("é"), "é".encode(), "text/plain; charset=utf-8"),
        (FormBody((("a", "b"),)), b"a=b", "application/x-www-form-urlencoded"),
        (FileBody("blob.bin"), b"\x00\xff", "application/octet-stream"),
    ],
)
def test_a_body_has_its_content_type_unless_the_request_sets_one(body: RequestBody, content: bytes, kind: str) -> None:
    """Servers parse a body by its type."""
    plain = engine_route(WorkloadRoute("a", "/", "POST", body=body), DATA, url="http://x", host="")
    own = engine_route(WorkloadRoute("a", "/", "POST", body=body, headers=(("content-type", "x/y"),)), DATA, url="http://x", host="")

    assert (plain.body, plain.headers) == (content, (("Content-Type", kind),))
    assert own.headers == (("content-type", "x/y"),)


def test_a_schema_may_be_inline_and_have_its_own_sample() -> None:
    """Without any requirement there is no expectation."""
    inline = WorkloadRoute("a", "/", expect=ExpectedResponse(schema={"type": "array"}, sample=1.0))

    expect = engine_route(inline, DATA, url="http://x", host="").expect

    assert expect is not None
    assert (json.loads(expect.schema), expect.sample) == ({"type": "array"}, 1.0)
    assert engine_route(WorkloadRoute("a", "/"), DATA, url="http://x", host="").expect is None
