"""JSON schemas: documents are judged by them, and no schema makes this machine fetch anything."""

from __future__ import annotations

import json

import pytest

from kindgate.errors import LoadError
from kindgate.load.json_schema import refuse_invalid_schema, violation
from tests.unit.load.conftest import Serve, answering

PRODUCT = json.dumps(
    {
        "type": "object",
        "properties": {"id": {"$ref": "#/$defs/id"}, "price": {"type": "number", "minimum": 0}},
        "required": ["id"],
        "$defs": {"id": {"type": "integer"}},
    }
)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"id": 7, "price": 1.5}, ""),
        ({"id": "7"}, "at $.id: '7' is not of type 'integer'"),
        ({"id": 7, "price": -1}, "at $.price"),
        ({}, "'id' is a required property"),
        ([], "at $: [] is not of type 'object'"),
    ],
)
def test_a_document_is_judged_by_its_schema(document: object, reason: str) -> None:
    """The reason has the path of the value."""
    found = violation(PRODUCT, document)
    assert reason in found
    assert bool(found) is bool(reason)


@pytest.mark.parametrize(
    "reference", ["http://127.0.0.1:1/schema.json", "product.json", "#/$defs/missing", "https://json-schema.org/learn/calendar.schema.json"]
)
def test_a_reference_to_something_outside_is_rejected(reference: str) -> None:
    """Fetching it would make a verdict depend on another server."""
    with pytest.raises(LoadError, match="which it does not contain"):
        refuse_invalid_schema(json.dumps({"properties": {"id": {"$ref": reference}}}))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # by default the library would fetch, and warn of that
def test_a_reference_that_is_only_resolved_when_used_is_an_error_then(serve: Serve) -> None:
    """A part with an identifier of its own changes what references mean, so they are not judged before; nothing is fetched."""
    schema = json.dumps({"properties": {"id": {"$id": serve(answering(body=b"{}")), "$ref": "other"}}})
    refuse_invalid_schema(schema)
    with pytest.raises(LoadError, match="other', which it does not contain"):
        violation(schema, {"id": 1})


def test_a_property_may_be_named_like_a_reference() -> None:
    """Only a text under `$ref` is one."""
    refuse_invalid_schema(json.dumps({"properties": {"$ref": {"type": "string"}}}))


def test_an_older_version_of_json_schema_is_judged_by_its_own_rules() -> None:
    """In draft 4, `exclusiveMinimum` is true or false."""
    schema = json.dumps({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True})
    refuse_invalid_schema(schema)
    assert violation(schema, 1)
    assert not violation(schema, 2)


def test_a_deeply_nested_document_violates_a_recursive_schema() -> None:
    """It is an answer of the server, not an error of the judge."""
    document: object = 1
    for _ in range(100_000):
        document = [document]
    assert "nested too deeply" in violation(json.dumps({"items": {"$ref": "#"}}), document)
