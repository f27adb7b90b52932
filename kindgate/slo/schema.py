"""The JSON schema of an SLO file: `python -m kindgate.slo.schema > docs/slo.schema.json` writes it.

Editors complete and check a file with it. It describes keys, metrics and types; expressions, tags and connections are checked
when the file is read. The workload has a separate schema, in the same folder.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from kindgate.slo.answers_section import HEADERS_LIMIT, REQUESTS_LIMIT
from kindgate.slo.each import EACH_TAGS
from kindgate.slo.episode_objectives import EPISODE_METRICS, SCENARIOS
from kindgate.slo.grammar import SWITCHES
from kindgate.slo.policy_section import POLICY
from kindgate.slo.slo_file import MAX_BURSTS
from kindgate.slo.threshold import METRICS, MetricType

Schema: TypeAlias = Mapping[str, Any]

_PERCENTILE: Final = r"^(med|p\([0-9.]+\))$"

_SWITCH: Final[Schema] = {"enum": [True, False, *SWITCHES]}


def schema_text() -> str:
    """The schema as in `docs/slo.schema.json`."""
    sections: dict[str, Schema] = {
        "thresholds": _by_metric(METRICS, _list_of(_ref("threshold")), "Limits by metric, with tags in braces"),
        "compare": _compare(),
        "bursts": _bursts(),
        "scenarios": _scenarios(),
        "workload": {
            "description": "The load: its description, or the name of a file that holds it",
            "anyOf": [{"type": ["string", "null"]}, {"$ref": "workload.schema.json"}],
        },
    }
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "SLO file", **_mapping(sections), "$defs": _definitions()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _definitions() -> Schema:
    return {
        "expression": {"description": "p(95)<200, rate<0.01, count==0", "type": "string", "pattern": "[<>=]"},
        "duration": {
            "description": "500ms, 2s or 1m30s",
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[0-9.]"}],
        },
        "threshold": {
            "anyOf": [
                _ref("expression"),
                _mapping(
                    {
                        "threshold": _ref("expression"),
                        "abortOnFail": {"description": "End the run when it can no longer be met; default: false", **_SWITCH},
                        "delayAbortEval": {"description": "Time before that; a bare number is in milliseconds", **_ref("duration")},
                    },
                    required=("threshold",),
                ),
            ]
        },
        "tolerance": _mapping(
            {"max_regression": {"description": "Tolerated change, such as 10%", "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?%$"}},
            required=("max_regression",),
        ),
        "each": {"description": "Compare each route or journey separately", "enum": list(EACH_TAGS)},
    }


def _compare() -> Schema:
    """Percentiles of all requests, of a metric or a selector; resources have one figure."""
    comparable = [metric for metric in METRICS.values() if metric.comparable]
    percentiles = {
        "type": "object",
        "properties": {"each": _ref("each")},
        "patternProperties": {_PERCENTILE: _ref("tolerance")},
        "additionalProperties": False,
    }
    return {
        "description": "Tolerated differences from the baseline",
        "type": "object",
        "properties": {"each": _ref("each"), "answers": _answers()},
        "patternProperties": {
            _PERCENTILE: _ref("tolerance"),
            _selectors(metric.name for metric in comparable if metric.type is MetricType.USAGE): _ref("tolerance"),
            _selectors(metric.name for metric in comparable if metric.type is not MetricType.USAGE): percentiles,
        },
        "additionalProperties": False,
    }


def _answers() -> Schema:
    expect = {"description": "same, or report differences without a verdict", "enum": ["same", "report"]}
    headers = {"description": "Headers to compare too", "type": "array", "items": {"type": "string"}, "maxItems": HEADERS_LIMIT}
    requests = {"description": "Requests of each route", **_number_or_text("integer", minimum=1, maximum=REQUESTS_LIMIT)}
    return {"anyOf": [expect, _mapping({"expect": expect, "headers": headers, "requests": requests}, required=("expect",))]}


def _bursts() -> Schema:
    return _mapping(
        {
            "count": {"description": "Bursts of a look", **_number_or_text("integer", minimum=1, maximum=MAX_BURSTS)},
            "rate": {"description": "Requests per second", **_number_or_text("number", exclusiveMinimum=0)},
            "duration": {"description": "Duration of a burst; a bare number is in seconds", **_ref("duration")},
        }
    )


def _scenarios() -> Schema:
    objectives = _by_metric(EPISODE_METRICS, _list_of(_ref("expression")), "Limits of what an episode may cost")
    rules = {"type": "array", "items": {"type": "string", "pattern": "->"}, "minItems": 1}
    policy = _mapping(
        {"deny": {"description": "Connections that must be impossible", **rules}, "allow": {"description": "Those that must work", **rules}}
    )
    properties = {**{name: {**objectives, "minProperties": 1} for name in SCENARIOS}, POLICY: {**policy, "minProperties": 1}}
    return {"description": "What the application survives under load", **_mapping(properties)}


def _by_metric(metrics: Iterable[str], value: Schema, description: str) -> dict[str, Any]:
    """A mapping from selectors of these metrics to values."""
    return {
        "description": description,
        "type": "object",
        "patternProperties": {_selectors(metrics): value},
        "additionalProperties": False,
    }


def _selectors(metrics: Iterable[str]) -> str:
    """The pattern of the metrics' names, with or without tags."""
    return rf"^({'|'.join(map(re.escape, metrics))})\s*(\{{.*\}})?$"


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


def _number_or_text(kind: str, **limits: float) -> dict[str, Any]:
    """A number, also in quotes."""
    return {"anyOf": [{"type": kind, **limits}, {"type": "string", "pattern": "^[0-9]"}]}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _mapping(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


if __name__ == "__main__":
    sys.stdout.write(schema_text())
