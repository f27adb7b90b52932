"""The published schema of workload documents: current, and as strict as the reader about keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from kindgate.workload.document import WORKLOAD_KEYS, parse_slo_document, parse_workload
from kindgate.workload.document_expect import EXPECT_KEYS
from kindgate.workload.document_journeys import INLINE_KEYS, REFERENCE_KEYS
from kindgate.workload.document_requests import REQUEST_KEYS
from kindgate.workload.model import Workload
from kindgate.workload.schema import schema_text
from kindgate.workload.writer import workload_yaml
from tests.tools.pages import DOCS, blocks
from tests.unit.workload.test_document import GOOD
from tests.unit.workload.workloads import workloads

PUBLISHED = Path(__file__).parents[3] / "docs" / "workload.schema.json"
SCHEMA: dict[str, Any] = json.loads(schema_text())
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = [block.text for block in blocks(DOCS / "workload.md") if block.language == "yaml"]


class JsonLoader(yaml.SafeLoader):
    """Reads YAML as JSON: a date is a text."""


JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def problems(text: str) -> list[str]:
    """The problems that the schema finds in a document."""
    document = yaml.load(text, Loader=JsonLoader)
    workload = document["workload"] if isinstance(document, dict) and "workload" in document else document
    return [error.message for error in VALIDATOR.iter_errors(workload)]


def test_the_published_schema_is_current() -> None:
    """`python -m kindgate.workload.schema > docs/workload.schema.json` writes the same text."""
    assert PUBLISHED.read_text() == schema_text()
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("definition", "keys"),
    [
        (SCHEMA, WORKLOAD_KEYS),
        (SCHEMA["$defs"]["request"], REQUEST_KEYS),
        (SCHEMA["$defs"]["route"], (*REQUEST_KEYS, "weight")),
        (SCHEMA["$defs"]["namedStep"], REFERENCE_KEYS),
        (SCHEMA["$defs"]["inlineStep"], INLINE_KEYS),
        (SCHEMA["$defs"]["expect"], EXPECT_KEYS),
    ],
)
def test_the_schema_has_the_keys_of_the_reader(definition: dict[str, Any], keys: tuple[str, ...]) -> None:
    """A new key has to be in both."""
    assert set(definition["properties"]) == set(keys)


@pytest.mark.parametrize("text", [GOOD, *EXAMPLES])
def test_the_schema_accepts_the_examples(text: str) -> None:
    """Everything that the documentation shows, which the reader accepts too."""
    is_slo_file = "\nworkload:" in text
    assert (parse_slo_document(text) if is_slo_file else parse_workload(text)) is not None
    assert problems(text) == []


@settings(max_examples=40, deadline=None)
@given(workloads())
def test_the_schema_accepts_every_document_of_the_reader(workload: Workload) -> None:
    """An editor must not mark what kindgate accepts."""
    text = workload_yaml(workload)

    assert parse_workload(text) == workload
    assert problems(text) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("host: shop", "hots: shop"),
        ('http: "2"', "http: 3"),
        ("rate: 200", "rate: 0"),
        ("rate: 200", "rates: 200"),
        ("csv: users.csv", "tsv: users.csv"),
        ("{secret: API_KEY}", "{secret: API_KEY, env: API_KEY}"),
        ("order: uuid", "order: uid"),
        ("user: {csv", "run: {csv"),
        ("path: /users", "paths: /users"),
        ("path: /users", "path: users"),
        ("weight: 6", "weight: 6\n    wait: 1s"),
        ("team: catalog", "host: catalog"),
        ("body: {file: blob.bin}", "body: {file: blob.bin, text: x}"),
        ("status: 201", "status: 2x"),
        ("{status: 201}", "{}"),
        ("sample: 20%\n", "samples: 20%\n"),
        ("      schema: search.schema.json\n", ""),
        ("json: items.0.token", "xpath: items"),
        ("json: items.0.token", "json: $.items"),
        ("{route: checkout,", "{route: checkout, path: /x,"),
        ("think: 1.5s", "thinks: 1.5s"),
        ("  - name: buy\n    weight: 2", "  - weight: 2"),
        ("mix: {search: 6, buy: 1, note: 1}", "mix: {}"),
        ("arrival: uniform", "arrival: {}"),
        ("arrival: uniform", "arrival: {buy: bursty}"),
    ],
)
def test_the_schema_rejects_a_mistake(old: str, new: str) -> None:
    """The editor shows it before a run does."""
    assert old in GOOD
    assert problems(GOOD.replace(old, new, 1)) != []
