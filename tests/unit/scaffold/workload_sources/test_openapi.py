"""Routes from OpenAPI documents: paths, queries, headers, bodies, credentials, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kindgate.errors import KindgateError, SettingsError
from kindgate.scaffold.workload_sources.importing import SourceKind
from kindgate.scaffold.workload_sources.selection import MAX_ROUTES, Selection
from kindgate.workload.model import EnvironmentValue, FormBody, JsonBody, RandomChoice, TextBody, WorkloadRoute
from tests.unit.scaffold.workload_sources.imports import UNSAFE, imported_text, openapi, sent

OK = {"responses": {"200": {"description": "ok"}}}


def routes(folder: Path, text: str, selection: Selection = UNSAFE) -> dict[str, WorkloadRoute]:
    """The routes of a document by method and path."""
    result = imported_text(folder, SourceKind.OPENAPI, text, selection)
    return {f"{one.method} {one.path}": one for one in result.workload.routes}


def query(**more: Any) -> dict[str, Any]:
    """A required query parameter `q`."""
    return {"name": "q", "in": "query", "required": True, **more}


def test_an_operation_becomes_a_route(tmp_path: Path) -> None:
    """With the server's path, the documented statuses, its name and its group."""
    operation = {"operationId": "listPets", "tags": ["pets", "x"], "responses": {"200": {}, "404": {}, "default": {}}}
    text = openapi(
        {"/pets": {"get": operation}}, servers=[{"url": "https://example.com/{base}/", "variables": {"base": {"default": "v2"}}}]
    )

    route = routes(tmp_path, text)["GET /v2/pets"]

    assert (route.name, route.expect.statuses, route.tags) == ("listPets", ((200, 200),), (("group", "pets"),))


@pytest.mark.parametrize(
    ("parameter", "written"),
    [
        (query(example="red shoe"), "q=red%20shoe"),
        (query(examples={"one": {"value": "a&b"}}), "q=a%26b"),
        (query(schema={"type": "string", "default": "x"}), "q=x"),
        (query(schema={"type": "string", "enum": ["y", "z"]}), "q=y"),
        (query(schema={"type": "integer", "minimum": 3}), "q=3"),
        (query(schema={"type": "boolean"}), "q=true"),
        (query(schema={"type": "array", "items": {"enum": ["a"]}, "example": ["a", "b"]}), "q=a&q=b"),
        (query(schema={"example": ["a", "b"]}, explode=False), "q=a%2Cb"),
        (query(schema={"example": ["a", "b"]}, style="pipeDelimited"), "q=a%7Cb"),
        (query(content={"application/json": {"schema": {"example": {"a": 1}}}}), "q=%7B%22a%22%3A%201%7D"),
        (query(required=False, example="x"), ""),
    ],
)
def test_required_query_parameters_are_filled(parameter: dict[str, Any], written: str, tmp_path: Path) -> None:
    """From examples, defaults and enumerations, otherwise with the smallest valid value."""
    text = openapi({"/a": {"get": {**OK, "parameters": [parameter]}}})

    assert list(routes(tmp_path, text)) == [f"GET /a?{written}" if written else "GET /a"]


def test_path_parameters_become_placeholders_with_their_values_in_one_place(tmp_path: Path) -> None:
    """A person replaces the values once, for all routes that use them."""
    pet = {"name": "petId", "in": "path", "schema": {"type": "integer"}}
    paths = {
        "/pets/{petId}": {"parameters": [pet], "get": OK, "delete": OK},
        "/shops/{id}/pets/{petId}.json": {
            "get": {**OK, "parameters": [pet, {"name": "id", "in": "path", "examples": {"a": {"value": "x"}}}]}
        },
    }

    result = imported_text(tmp_path, SourceKind.OPENAPI, openapi(paths), UNSAFE)

    assert [one.path for one in result.workload.routes] == ["/pets/{pet_id}", "/pets/{pet_id}", "/shops/{shop_id}/pets/{pet_id}.json"]
    assert result.workload.data == (RandomChoice("pet_id", (1,)), RandomChoice("shop_id", ("x",)))
    assert result.notes == ("values without an example in the document, to be edited: pet_id",)


def test_parameters_with_one_name_and_different_values_are_kept_apart(tmp_path: Path) -> None:
    """`status` of a pet is not `status` of an order."""
    paths = {
        f"/{name}/{{status}}": {"get": {**OK, "parameters": [{"name": "status", "in": "path", "schema": {"enum": values}}]}}
        for name, values in (("pets", ["sold"]), ("orders", ["paid", "sent"]))
    }

    result = imported_text(tmp_path, SourceKind.OPENAPI, openapi(paths))

    assert result.workload.data == (RandomChoice("status", ("sold",)), RandomChoice("status_2", ("paid", "sent")))


def test_headers_and_cookies_are_sent_if_required(tmp_path: Path) -> None:
    """Those that HTTP computes or OpenAPI ignores are not."""
    parameters = [
        {"name": "X-Tenant", "in": "header", "required": True, "example": "acme"},
        {"name": "X-Other", "in": "header", "example": "no"},
        {"name": "Host", "in": "header", "required": True, "example": "no"},
        {"name": "theme", "in": "cookie", "required": True, "example": "dark"},
    ]

    route = routes(tmp_path, openapi({"/a": {"get": {**OK, "parameters": parameters}}}))["GET /a"]

    assert route.headers == (("X-Tenant", "acme"), ("Cookie", "theme=dark"))


@pytest.mark.parametrize(
    ("media_type", "content", "body", "header"),
    [
        ("application/json", {"example": {"a": "{b}"}}, JsonBody({"a": "{{b}}"}), ()),
        ("application/json", {"schema": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}}, JsonBody({"n": 1}), ()),
        ("application/merge-patch+json", {"example": {"a": 1}}, JsonBody({"a": 1}), (("Content-Type", "application/merge-patch+json"),)),
        ("application/x-www-form-urlencoded", {"example": {"a": 1, "b": ["x", "y"]}}, FormBody((("a", "1"), ("b", "x,y"))), ()),
        ("text/csv", {"example": "a,b\n1,2\n"}, TextBody("a,b\n1,2\n"), (("Content-Type", "text/csv"),)),
    ],
)
def test_bodies_are_filled(media_type: str, content: Any, body: object, header: object, tmp_path: Path) -> None:
    """From the example, otherwise from the schema; the type is named where the body alone does not."""
    text = openapi({"/a": {"post": {**OK, "requestBody": {"content": {media_type: content}}}}})

    route = routes(tmp_path, text)["POST /a"]

    assert (route.body, route.headers) == (body, header)


SCHEMES = {
    "bearerAuth": {"type": "http", "scheme": "bearer"},
    "basicAuth": {"type": "http", "scheme": "basic"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "inQuery": {"type": "apiKey", "in": "query", "name": "key"},
    "inCookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "login": {"type": "oauth2", "flows": {}},
}


@pytest.mark.parametrize(
    ("scheme", "path", "headers", "variable"),
    [
        ("bearerAuth", "/a", (("Authorization", "Bearer {bearer_auth}"),), "BEARER_AUTH"),
        ("basicAuth", "/a", (("Authorization", "Basic {basic_auth}"),), "BASIC_AUTH"),
        ("apiKey", "/a", (("X-Api-Key", "{api_key}"),), "API_KEY"),
        ("inQuery", "/a?key={in_query}", (), "IN_QUERY"),
        ("inCookie", "/a", (("Cookie", "sid={in_cookie}"),), "IN_COOKIE"),
        ("login", "/a", (("Authorization", "Bearer {login}"),), "LOGIN"),
    ],
)
def test_a_security_scheme_becomes_a_secret(scheme: str, path: str, headers: object, variable: str, tmp_path: Path) -> None:
    """Its value comes from the environment, and is in no file."""
    text = openapi({"/a": {"get": OK}}, security=[{scheme: []}], components={"securitySchemes": SCHEMES})

    result = imported_text(tmp_path, SourceKind.OPENAPI, text)

    assert [(one.path, one.headers) for one in result.workload.routes] == [(path, headers)]
    assert result.workload.data == (EnvironmentValue(variable.lower(), variable, secret=True),)


def test_an_operation_without_or_with_optional_security_sends_no_credentials(tmp_path: Path) -> None:
    """The document says that it works without."""
    paths = {"/a": {"get": {**OK, "security": []}}, "/b": {"get": {**OK, "security": [{"apiKey": []}, {}]}}}

    result = imported_text(tmp_path, SourceKind.OPENAPI, openapi(paths, security=[{"apiKey": []}], components={"securitySchemes": SCHEMES}))

    assert [one.headers for one in result.workload.routes] == [(), ()]


def test_unsafe_operations_are_not_sent_without_unsafe(tmp_path: Path) -> None:
    """Neither is the data that only they use."""
    delete = {**OK, "parameters": [{"name": "id", "in": "path", "example": 1}]}
    text = openapi({"/pets": {"get": OK, "post": OK}, "/pets/{id}": {"delete": delete}})

    safe, unsafe = (imported_text(tmp_path, SourceKind.OPENAPI, text, selection) for selection in (Selection(), UNSAFE))

    assert ([one.path for one in sent(safe).routes], sent(safe).data) == (["/pets"], ())
    assert safe.disabled == {("routes", "post-pets"), ("routes", "delete-pets-id"), ("data", "pet_id")}
    assert len(sent(unsafe).routes) == 3
    assert unsafe.disabled == frozenset()


def test_a_document_with_unsafe_operations_only_is_refused(tmp_path: Path) -> None:
    """A workload without a request would be an error later."""
    with pytest.raises(SettingsError, match="every request may change data"):
        imported_text(tmp_path, SourceKind.OPENAPI, openapi({"/pets": {"post": OK}}))


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({**OK, "deprecated": True}, "deprecated"),
        ({"$ref": "other.yaml#/x", "parameters": [{"$ref": "#/missing"}]}, "cannot be followed"),
        ({**OK, "requestBody": {"content": {"multipart/form-data": {}}}}, "multipart/form-data, which a workload cannot describe"),
        ({**OK, "requestBody": {"content": {"application/xml": {}}}}, "has no example"),
        ({**OK, "security": [{"unknown": []}]}, "cannot be sent"),
        (
            {**OK, "parameters": [query(name="a\n", example=1), {"name": "X-A\n", "in": "header", "required": True, "example": "x"}]},
            "header",
        ),
    ],
)
def test_what_cannot_be_sent_is_listed_with_a_reason(operation: dict[str, Any], reason: str, tmp_path: Path) -> None:
    """The reader learns what the load does not cover."""
    result = imported_text(tmp_path, SourceKind.OPENAPI, openapi({"/": {"get": OK}, "/a": {"post": operation}}), UNSAFE)

    assert [one.path for one in result.workload.routes] == ["/"]
    assert [one.what for one in result.dropped if reason in one.reason] == ["POST /a"]


def test_paths_are_chosen_by_pattern_and_limited(tmp_path: Path) -> None:
    """Hundreds of routes get too few requests each to be judged."""
    text = openapi({f"/{group}/{number}": {"get": OK} for group in "ab" for number in range(MAX_ROUTES)})

    everything = imported_text(tmp_path, SourceKind.OPENAPI, text)
    chosen = imported_text(tmp_path, SourceKind.OPENAPI, text, Selection(include=("/b/1*",)))

    assert len(everything.workload.routes) == MAX_ROUTES
    assert sum(one.count for one in everything.dropped if "--include" in one.reason) == MAX_ROUTES
    assert {one.path for one in chosen.workload.routes} == {f"/b/{number}" for number in range(MAX_ROUTES) if str(number).startswith("1")}


def test_swagger_2_documents_are_read(tmp_path: Path) -> None:
    """Bodies and forms are parameters there, and the base path is a key of its own."""
    document = {
        "swagger": "2.0",
        "basePath": "/v1",
        "consumes": ["application/json"],
        "paths": {
            "/pets": {
                "get": {
                    **OK,
                    "parameters": [
                        {
                            "name": "ids",
                            "in": "query",
                            "required": True,
                            "type": "array",
                            "items": {"type": "integer"},
                            "x-example": [1, 2],
                        },
                        {
                            "name": "tags",
                            "in": "query",
                            "required": True,
                            "type": "array",
                            "collectionFormat": "multi",
                            "default": ["a", "b"],
                        },
                    ],
                },
                "post": {**OK, "parameters": [{"name": "pet", "in": "body", "schema": {"$ref": "#/definitions/Pet"}}]},
                "put": {
                    **OK,
                    "consumes": ["application/x-www-form-urlencoded"],
                    "parameters": [{"name": "name", "in": "formData", "type": "string", "required": True, "default": "rex"}],
                },
                "patch": {**OK, "parameters": [{"name": "photo", "in": "formData", "type": "file", "required": True}]},
            }
        },
        "definitions": {"Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "example": "rex"}}}},
        "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "security": [{"key": []}],
    }

    found = routes(tmp_path, yaml.safe_dump(document))

    assert list(found) == ["GET /v1/pets?ids=1%2C2&tags=a&tags=b", "POST /v1/pets", "PUT /v1/pets"]
    assert found["POST /v1/pets"].body == JsonBody({"name": "rex"})
    assert found["PUT /v1/pets"].body == FormBody((("name", "rex"),))
    assert {one.headers for one in found.values()} == {(("X-Key", "{key}"),)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "source:1:1: an OpenAPI document is a mapping"),
        ('{"info": 1}', "source:1:1: neither `openapi` nor `swagger`"),
        ('{\n "info": {},\n "openapi": "4.0.0", "paths": {}}', "source:3:13: version '4.0.0' is not supported"),
        ("openapi: 3.0.3\ninfo: {}\npaths:\n  - a\n", "source:4:3: `paths` is missing or not a mapping"),
        ("openapi: 3.0.3\ninfo: {}\n", "source:1:1: `paths` is missing"),
        (json.dumps({"openapi": "3.0.3", "paths": {}}, indent=1), "source:3:11: no operation can be imported"),
        ("openapi: 3.0.3\npaths:\n  /a: {get: {deprecated: true}}\n", "source:3:3: no operation can be imported: deprecated (1)"),
    ],
)
def test_a_document_that_is_not_openapi_is_refused_with_a_position(text: str, message: str, tmp_path: Path) -> None:
    """Nothing is written for it."""
    with pytest.raises(KindgateError) as caught:
        imported_text(tmp_path, SourceKind.OPENAPI, text)

    assert message in caught.value.message
