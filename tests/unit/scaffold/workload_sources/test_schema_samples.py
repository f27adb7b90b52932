"""A sample of a schema is valid for it, uses the document's own examples, and stays small."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kindgate.scaffold.workload_sources.references import Node, document_root
from kindgate.scaffold.workload_sources.schema_samples import Sampler, SampleTooLarge
from kindgate.scaffold.workload_sources.source_text import SourceText


def node(schema: Any, **definitions: Any) -> Node:
    """A schema in a document with other definitions."""
    document = {"schema": schema, **definitions}
    return document_root(SourceText("x.json", json.dumps(document)), document).get("schema")


def sample(schema: Any, **definitions: Any) -> Any:
    """The sample of a schema."""
    return Sampler().sample(node(schema, **definitions))


SCALARS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")}, optional={"minLength": st.integers(0, 30), "format": st.sampled_from(["date", "uuid"])}
    ),
    st.integers(-50, 50).flatmap(
        lambda low: st.fixed_dictionaries(
            {"type": st.sampled_from(["integer", "number"]), "minimum": st.just(low), "maximum": st.just(low + 9)}
        )
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["integer", "number"])}, optional={"exclusiveMinimum": st.integers(-5, 5)}),
    st.fixed_dictionaries({"type": st.sampled_from(["boolean", "null", ["null", "string"]])}),
    st.fixed_dictionaries({"enum": st.lists(st.integers(), min_size=1)}),
    st.fixed_dictionaries({"const": st.text(min_size=1)}),
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)[:2]}
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda schemas: {"oneOf": schemas[:1]}),
        inner.map(lambda schema: {"allOf": [schema]}),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_a_sample_is_valid_for_its_schema(schema: Any) -> None:
    """An invalid body would be rejected, and the load would measure error messages."""
    Draft202012Validator(schema).validate(sample(schema))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "example": "red", "default": "blue", "enum": ["green"]}, "red"),
        ({"type": "string", "examples": ["red", "blue"]}, "red"),
        ({"type": "string", "default": "blue", "enum": ["green"]}, "blue"),
        ({"type": "string", "enum": ["green", "blue"]}, "green"),
        ({"type": "object", "example": {"a": 1}, "required": ["b"]}, {"a": 1}),
        ({"type": "object", "properties": {"a": {"example": 1}, "b": {"type": "string"}}}, {"a": 1}),
        ({"properties": {"id": {"readOnly": True, "example": 1}, "a": {"type": "integer"}}, "required": ["id", "a"]}, {"a": 1}),
        ({"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {"default": 2}}}]}, {"a": "text", "b": 2}),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "integer", "minimum": 5, "exclusiveMinimum": True}, 6),
    ],
)
def test_the_documents_own_values_come_first(schema: Any, value: Any) -> None:
    """They are what the application knows."""
    assert sample(schema) == value


def test_a_schema_that_contains_itself_ends() -> None:
    """Trees and linked lists are common."""
    schema = {"type": "object", "properties": {"next": {"$ref": "#/schema"}}, "required": ["next"]}

    assert json.dumps(sample(schema)).count("next") == 12


def test_guessed_values_are_listed_with_their_path() -> None:
    """A person has to replace them."""
    sampler = Sampler()

    sampler.sample(node({"properties": {"a": {"type": "string"}, "b": {"example": 1}, "c": {"items": {}}}, "required": ["a", "b", "c"]}))

    assert sampler.guessed == [("a",), ("c", 0)]


def test_an_example_that_expands_is_refused() -> None:
    """Aliases make a short YAML text stand for gigabytes."""
    value: Any = ["x"]
    for _ in range(20):
        value = [value, value]

    with pytest.raises(SampleTooLarge):
        Sampler().copied(value)


@pytest.mark.parametrize(
    "schema", [None, True, "text", 1, [], {"properties": []}, {"items": 1}, {"type": 7}, {"required": "a"}, {"enum": {}}]
)
def test_a_schema_that_is_none_has_a_sample(schema: Any) -> None:
    """Real documents contain mistakes; the rest of them is still useful."""
    assert sample({"properties": {"a": schema, "b": {"example": 1}}, "required": ["a"]})["b"] == 1
