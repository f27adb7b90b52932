"""The published schema is current, and a real report satisfies it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from kindgate.report.run_report import RunReport
from kindgate.report.schema import schema_text

PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"


def test_the_published_schema_is_current() -> None:
    """`python -m kindgate.report.schema > docs/report.schema.json` writes the same text."""
    assert PUBLISHED.read_text() == schema_text()


def test_a_report_satisfies_the_published_schema(failing: RunReport) -> None:
    """Readers in other languages rely on the schema."""
    jsonschema.validate(json.loads(failing.model_dump_json()), json.loads(PUBLISHED.read_text()), jsonschema.Draft202012Validator)
