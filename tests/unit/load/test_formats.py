"""Output formats: JSON with its schema, k6's formats, raw samples, HdrHistogram."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.histogram import Histogram
from kindgate.load.aggregate import measured
from kindgate.load.burst_document import ThresholdOutcome, load_document, schema
from kindgate.load.export import FIELDS, hdr_text, write_csv, write_json_lines
from kindgate.load.k6 import read_options, seconds, summary
from kindgate.load.plan import BurstPlan, OpenLoop, Route, Stage
from kindgate.load.raw_samples import CODES, OK, Rows
from kindgate.load.result import BurstResult, FailureKind, Health

MS = 1_000_000
PLAN = BurstPlan((Route("http://127.0.0.1/", "foo.localhost"),), OpenLoop.constant(10, seconds=1))
ROWS: Rows = np.array(
    [
        (0, 100 * MS, 100 * MS, 104 * MS, 0, 3000, OK, 7200),
        (0, 0, 2 * MS, 12 * MS, 1 * MS, 9000, OK, 7200),
        (0, 200 * MS, 200 * MS, 201 * MS, 0, 900, CODES[FailureKind.HTTP], 9503),
        (0, 300 * MS, 300 * MS, 302 * MS, 0, 0, CODES[FailureKind.DNS], 0),
        (0, 400 * MS, -1, 900 * MS, 0, 0, CODES[FailureKind.UNSENT], 0),
    ],
    np.int64,
)
SCHEMA = Path(__file__).parents[3] / "docs" / "load-result.schema.json"


def result(rows: Rows = ROWS) -> BurstResult:
    """A result with two successes, a 503, a DNS failure and an unsent request."""
    return measured(PLAN, rows, started=1000.0, health=Health())


def test_the_document_holds_the_figures_in_the_units_of_their_names() -> None:
    """Times are in milliseconds, lags in microseconds, and failures are summed."""
    document = load_document(result()).to_json()
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
    document = load_document(result(rows), thresholds=(outcome,), verdict="FAIL", reasons=("because",)).to_json()
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(SCHEMA.read_text()))
    if rows is not ROWS:
        assert document["response_time_ms"]["p95"] is None


def test_the_published_schema_is_the_documents_own() -> None:
    """`python -m kindgate.load.burst_document > docs/load-result.schema.json` writes the same text."""
    assert json.loads(SCHEMA.read_text()) == schema()


def test_raw_samples_have_a_line_per_request_in_order() -> None:
    """CSV and JSON lines hold the same data; an unsent request has no send time."""
    table, lines = io.StringIO(), io.StringIO()
    write_csv(PLAN, ROWS, table)
    write_json_lines(PLAN, ROWS, lines)
    records = list(csv.DictReader(table.getvalue().splitlines()))
    objects = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert tuple(records[0]) == FIELDS
    assert [record["outcome"] for record in records] == ["ok", "ok", "http", "dns", "unsent"]
    assert [float(record["intended_us"]) for record in records] == [0, 100_000, 200_000, 300_000, 400_000]
    assert [item["sent_us"] for item in objects] == [2000, 100_000, 200_000, 300_000, None]
    assert [(item["status"], item["bytes"]) for item in objects] == [(200, 7), (200, 7), (503, 9), (0, 0), (0, 0)]


@given(samples=st.lists(st.integers(1, 3_000_000), min_size=1, max_size=50))
def test_hdr_histogram_reads_the_export(samples: list[int]) -> None:
    """Every sample is kept to three significant digits."""
    decoded = HdrHistogram.decode(hdr_text(Histogram.of(samples)))
    assert decoded.get_total_count() == len(samples)
    assert decoded.get_max_value() == pytest.approx(max(samples), rel=2e-3, abs=1)


def test_k6_constant_arrival_rate_is_taken_over() -> None:
    """Rates per time unit, durations, VUs and both forms of thresholds are read."""
    options = read_options(
        {
            "scenarios": {"s": {"executor": "constant-arrival-rate", "rate": 600, "timeUnit": "1m", "duration": "1m30s", "maxVUs": 40}},
            "thresholds": {
                "http_req_duration": ["p(95)<200", {"threshold": "avg<50", "abortOnFail": True}],
                "http_req_failed": "rate<0.01",
            },
        }
    )
    assert options.loop == OpenLoop((Stage(90, 10, 10),), "uniform")
    assert options.max_vus == 40
    assert options.thresholds == ("http_req_duration: p(95)<200", "http_req_duration: avg<50", "http_req_failed: rate<0.01")


def test_k6_ramps_start_where_the_stage_before_ended() -> None:
    """A stage of zero duration is a step."""
    stages = [{"target": 100, "duration": "10s"}, {"target": 50, "duration": "0s"}, {"target": 50, "duration": "500ms"}]
    options = read_options({"scenarios": {"s": {"executor": "ramping-arrival-rate", "startRate": 20, "stages": stages}}})
    assert options.loop.stages == (Stage(10, 20, 100), Stage(0.5, 50, 50))


UNSET = dict.fromkeys(("startTime", "gracefulStop", "env", "exec", "tags", "options", "timeUnit", "startRate", "maxVUs"))
"""Keys that `k6 inspect` prints as null if a scenario does not set them."""


@pytest.mark.parametrize(
    ("scenario", "stages"),
    [
        ({"executor": "constant-arrival-rate", "duration": "1s", "rate": 40}, (Stage(1, 40, 40),)),
        ({"executor": "constant-arrival-rate", "duration": "1000000us", "rate": 2400, "timeUnit": "1m0s"}, (Stage(1, 40, 40),)),
        (
            {"executor": "ramping-arrival-rate", "stages": [{"duration": "1s", "target": 40}, {"duration": "0s", "target": 20}]},
            (Stage(1, 0, 40),),
        ),
    ],
)
def test_what_k6_inspect_prints_is_taken_over(scenario: dict[str, object], stages: tuple[Stage, ...]) -> None:
    """Null means k6's default in the scenario, in thresholds and at the top level."""
    nulls = dict.fromkeys(("paused", "vus", "duration", "iterations", "stages"))
    thresholds = {"http_req_failed": ["rate<0.01", {"threshold": "rate<0.1", "abortOnFail": None, "delayAbortEval": None}], "checks": None}

    options = read_options({**nulls, "scenarios": {"s": {**UNSET, "preAllocatedVUs": 10, **scenario}}, "thresholds": thresholds})

    assert (options.loop, options.max_vus) == (OpenLoop(stages, "uniform"), 10)
    assert options.thresholds == ("http_req_failed: rate<0.01", "http_req_failed: rate<0.1")
    assert read_options({"scenarios": {"s": {**UNSET, **scenario}}, "thresholds": None}).thresholds == ()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "exactly one scenario"),
        ({"scenarios": {"a": {}, "b": {}}}, "exactly one scenario"),
        ({"scenarios": {"a": {"executor": "constant-vus"}}}, "'constant-vus'"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5}}}, "cannot read"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5, "duration": "soon"}}}, "not a duration"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5, "duration": True}}}, "not a duration"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 5, "duration": -1}}}, "not a duration"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": None, "duration": "1s"}}}, "cannot read"),
        ({"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 0, "duration": "1s"}}}, "yield no requests"),
        ({"scenarios": None}, "exactly one scenario"),
    ],
)
def test_k6_options_that_cannot_be_honoured_are_refused(options: dict[str, object], reason: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(LoadError, match=reason):
        read_options(options)


OWN = {"scenarios": {"s": {"executor": "constant-arrival-rate", "rate": 40, "duration": "1s"}}}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({}, (None, True, True, "")),
        ({"maxRedirects": 0}, (0, True, True, "")),
        ({"maxRedirects": 4, "noConnectionReuse": True}, (4, False, True, "")),
        ({"noVUConnectionReuse": True, "insecureSkipTLSVerify": True}, (None, False, False, "")),
        ({"noConnectionReuse": False, "insecureSkipTLSVerify": None, "userAgent": "me"}, (None, True, True, "me")),
    ],
)
def test_k6_options_about_connections_are_taken_over(given: dict[str, object], taken: tuple[object, ...]) -> None:
    """Unset options keep their defaults."""
    options = read_options({**OWN, **given})
    assert (options.redirects, options.keep_alive, options.verify, options.user_agent) == taken


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("options", "tags", {"team": "shop"}),
        ("options", "rps", 100),
        ("options", "hosts", {"shop.example": "10.0.0.1"}),
        ("options", "tlsVersion", {"min": "tls1.3", "max": ""}),
        ("options", "executionSegment", "0:1/2"),
        ("scenario", "startTime", "10s"),
        ("scenario", "exec", "checkout"),
        ("scenario", "tags", {"part": "a"}),
    ],
)
def test_k6_options_that_would_change_the_load_are_refused_by_name(where: str, key: str, value: object) -> None:
    """Otherwise they would be ignored silently."""
    scenario = {**OWN["scenarios"]["s"], **({key: value} if where == "scenario" else {})}
    with pytest.raises(LoadError, match=f"'{key}' in .* is not supported"):
        read_options({"scenarios": {"s": scenario}, **({key: value} if where == "options" else {})})


def test_k6_options_that_say_what_is_the_default_are_taken() -> None:
    """k6 prints defaults for options that were not set."""
    scenario = {**OWN["scenarios"]["s"], "startTime": "0s", "exec": "default", "tags": {}, "options": None}
    defaults = {"tags": {}, "rps": None, "hosts": {}, "tlsVersion": {"min": "", "max": ""}, "executionSegment": "0:1", "batch": 20}
    assert read_options({"scenarios": {"s": scenario}, **defaults}).loop == OpenLoop((Stage(1, 40, 40),), "uniform")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1.5s", 1.5), (250, 0.25), ("2000", 2), ("1000000us", 1), ("1m0s", 60), ("1d", 86400)],
)
def test_k6_durations(text: object, expected: float) -> None:
    """Durations use Go's syntax; a bare number means milliseconds."""
    assert seconds(text) == pytest.approx(expected)


def test_the_k6_summary_has_k6s_names_and_milliseconds() -> None:
    """As in k6's export, true marks a failed threshold."""
    exported = summary(result(), {"http_req_duration": {"p(95)<1": False}, "http_req_failed": {"rate<0.9": True}})["metrics"]
    assert exported["http_req_duration{expected_response:true}"]["max"] == 12
    assert exported["http_req_duration"]["thresholds"] == {"p(95)<1": True}
    assert exported["http_req_failed"] == {"passes": 3, "fails": 2, "value": 0.6, "thresholds": {"rate<0.9": False}}
    assert exported["http_reqs"]["count"] == 4
    assert exported["dropped_iterations"]["count"] == 1
