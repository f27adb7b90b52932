"""The report document: what it accepts, and what it refuses from an untrusted artifact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from kindgate.report.run_report import RunReport


def _document(report: RunReport) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(report.model_dump_json())
    return document


def _refusal(document: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        RunReport.model_validate_json(json.dumps(document))
    return str(refused.value)


def test_a_report_survives_a_json_round_trip(failing: RunReport) -> None:
    """Nothing is lost between a run and the job that renders its report."""
    assert RunReport.model_validate_json(failing.model_dump_json()) == failing


def test_another_schema_version_is_refused(passing: RunReport) -> None:
    """A reader never guesses the meaning of another version."""
    assert "schema_version" in _refusal(_document(passing) | {"schema_version": 2})


def test_an_unknown_field_is_refused(passing: RunReport) -> None:
    """Unvalidated data cannot be smuggled in."""
    document = _document(passing)
    document["cluster"]["admin"] = True
    assert "cluster.admin" in _refusal(document)


def test_a_type_is_not_converted(passing: RunReport) -> None:
    """A number in a string is not converted."""
    assert "exit_code" in _refusal(_document(passing) | {"exit_code": "0"})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("run", "command"), "x" * 1001),
        (("run", "id"), "a b"),
        (("run", "seconds"), -1),
        (("run", "started"), 10**300),
        (("pull_request", "head_sha"), "HEAD"),
        (("pull_request", "run_url"), "javascript:alert(1)"),
        (("pull_request", "run_url"), "https://a.example/) [x](https://b.example/"),
        (("pull_request", "repository"), "../.."),
        (("environment", "versions"), {str(number): "" for number in range(61)}),
        (("notes",), ["n"] * 101),
        (("artifacts",), [{"name": "x", "path": "../../etc/passwd"}]),
        (("artifacts",), [{"name": "x", "path": "/etc/passwd"}]),
        (("artifacts",), [{"name": "x", "path": "javascript:alert(1)"}]),
        (("bursts", 0, "timeline", "sent"), [1]),
        (("bursts", 0, "distribution", "edges"), [1.0, 1.0]),
        (("bursts", 0, "overall", "success_rate"), 1.5),
        (("resources", 0, "workloads", 0, "series", "cpu"), []),
    ],
)
def test_values_that_no_run_can_produce_are_refused(passing: RunReport, path: tuple[str | int, ...], value: Any) -> None:
    """Oversized, escaping and contradictory values are rejected on parsing, and the message names the field."""
    document = _document(passing)
    parent: Any = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    assert str(path[0]) in _refusal(document)


def test_an_infinite_number_is_refused(passing: RunReport) -> None:
    """Python's JSON accepts NaN, but a report does not."""
    text = json.dumps(_document(passing)).replace("212.4", "NaN")
    with pytest.raises(ValidationError, match="seconds"):
        RunReport.model_validate_json(text)
