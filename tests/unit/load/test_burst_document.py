"""The JSON document of a burst and its published schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from kindgate.load.burst_document import ThresholdOutcome, load_document, schema
from kindgate.load.raw_samples import Rows
from tests.unit.load.mixed_burst import ROWS, journey_result, mixed_result

SCHEMA = Path(__file__).parents[3] / "docs" / "load-result.schema.json"


def test_document_figures_are_in_the_units_of_their_names() -> None:
    """Times are in milliseconds, lags in microseconds, and failures are summed."""
    document = load_document(mixed_result()).to_json()
    assert document["count"] == 5
    assert document["dropped"] == 1
    assert {kind: document["failed"][kind] for kind in ("http", "timeout", "network", "unsent")} == {
        "http": 1,
        "timeout": 0,
        "network": 1,
        "unsent": 1,
    }
    assert document["response_time_ms"]["max"] == 12
    assert document["response_time_ms"]["p50"] == 8
    assert document["service_time_ms"]["max"] == 10
    assert document["send_lag_us"]["max"] == 2000
    assert document["loop_lag_us"]["max"] == 1000
    assert document["achieved_rate"] == 4


@pytest.mark.parametrize("rows", [ROWS, ROWS[:0], ROWS[2:]], ids=["all", "none", "failures only"])
def test_the_document_fits_its_published_schema(rows: Rows) -> None:
    """Without data, figures are null, not 0."""
    outcome = ThresholdOutcome("http_req_duration: p(95)<1", ok=False, value=None)
    document = load_document(mixed_result(rows), thresholds=(outcome,), verdict="FAIL", reasons=("because",)).to_json()
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(SCHEMA.read_text()))
    if rows is not ROWS:
        assert document["response_time_ms"]["p95"] is None


def test_journeys_and_tags_are_in_the_document() -> None:
    """Durations are in milliseconds, of completed journeys only."""
    document = load_document(journey_result()).to_json()
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(SCHEMA.read_text()))
    (journey,), (route,) = document["journeys"], document["routes"]
    assert (journey["journey"], journey["tags"], journey["duration_ms"]["max"]) == ("buy", {"group": "g"}, 250)
    assert [journey[name] for name in ("count", "started", "completed", "failed")] == [3, 2, 1, 2]
    assert (route["journey"], route["tags"], route["redirects_followed"]) == ("buy", {"team": "shop"}, 0)


def test_the_published_schema_is_up_to_date() -> None:
    """`python -m kindgate.load.burst_document > docs/load-result.schema.json` writes the same text."""
    assert json.loads(SCHEMA.read_text()) == schema()
