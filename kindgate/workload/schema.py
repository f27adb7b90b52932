"""The JSON schema of a workload document: `python -m kindgate.workload.schema > docs/workload.schema.json` writes it.

Editors complete and check a document with it. It describes the keys and their types; names in placeholders, files and hosts
are checked when a workload is read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from kindgate.load.plan import MAX_BLOCK, MAX_REDIRECTS
from kindgate.load.program import WORKERS_LIMIT
from kindgate.workload.document_data import LARGEST, VALUES_LIMIT
from kindgate.workload.document_journeys import JOURNEYS_LIMIT, STEPS_LIMIT
from kindgate.workload.document_programs import USERS_LIMIT
from kindgate.workload.document_requests import REQUESTS_LIMIT, RESERVED_TAGS
from kindgate.workload.document_values import NAME_LIMIT
from kindgate.workload.placeholders import NAME

Schema: TypeAlias = Mapping[str, Any]

_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}
"""A text, which YAML may read as something else."""

_WEIGHT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_BLOCK}
_STATUSES: Final[Sequence[Schema]] = (
    {"type": "integer", "minimum": 100, "maximum": 599},
    {"type": "string", "pattern": "^[1-5]([0-9]{2}|xx)$"},
)
_JSON_PATHS: Final[Schema] = {"pattern": r"^[^.$\[][^\[]*$"}


def schema_text() -> str:
    """The schema as in `docs/workload.schema.json`."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Workload", **_workload(), "$defs": _definitions()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _workload() -> Schema:
    """A workload; programs make their own requests at their own pace."""
    keys = _workload_keys()
    without: dict[str, Schema | bool] = {key: False for key in keys if key != "host"}
    duration = {"type": "object", "propertyNames": {"const": "duration"}}
    programs = {"locust": {**without, "locust": True, "load": duration}, "k6": {**without, "k6": True}}
    return {**_mapping(keys), "dependentSchemas": {key: {"properties": allowed} for key, allowed in programs.items()}}


def _workload_keys() -> dict[str, Schema]:
    requests = {"type": "array", "items": _ref("request"), "maxItems": REQUESTS_LIMIT}
    return {
        "host": _text("Host of the requests without one; may be left out if the manifests route exactly one host"),
        "http": {"description": "Version of HTTP; default: 1.1", "enum": ["1.1", "2", 1.1, 2]},
        "redirects": {
            "description": "Maximum number of redirects followed for each GET or HEAD; default: 0",
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_REDIRECTS,
        },
        "load": _ref("load"),
        "data": {
            "description": "Values for placeholders, by name",
            "type": "object",
            "propertyNames": _ref("valueName"),
            "maxProperties": VALUES_LIMIT,
            "additionalProperties": _ref("value"),
        },
        "setup": {"description": "Requests before the load, once for each version, in order", **requests},
        "teardown": {"description": "Requests at the end of the run, in order", **requests},
        "routes": {"description": "Kinds of requests", "type": "array", "items": _ref("route"), "maxItems": REQUESTS_LIMIT},
        "journeys": {
            "description": "Ordered steps, each sequence by a visitor of its own",
            "type": "array",
            "items": _ref("journey"),
            "maxItems": JOURNEYS_LIMIT,
        },
        "locust": _mapping(
            {
                "file": {**_text("Locustfile, relative to the document"), "pattern": r"^[^,]+\.py$"},
                "users": {"description": "Number of users", "type": "integer", "minimum": 1, "maximum": USERS_LIMIT},
                "spawn_rate": {
                    "description": "Users to start per second; default: all at once",
                    "type": "number",
                    "exclusiveMinimum": 0,
                },
                "workers": {
                    "description": "Locust's processes; default: 1",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": WORKERS_LIMIT,
                },
            },
            required=("file", "users"),
        ),
        "k6": _mapping({"file": _text("k6 script, relative to the document")}, required=("file",)),
        "mix": {
            "description": "Weights by the name of a route or journey, instead of their own; others are not sent by themselves",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": _WEIGHT,
        },
    }


def _definitions() -> Schema:
    request = _request_keys()
    return {
        "duration": {
            "description": "500ms, 2s, 1m30s; a bare number is in seconds",
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[0-9.]"}],
        },
        "label": {"type": ["string", "number"], "maxLength": NAME_LIMIT, "pattern": r"""^[^\s,{}"'][^,{}"']*$"""},
        "valueName": {"maxLength": NAME_LIMIT, "pattern": f"^(?!run$){NAME}$"},
        "load": _load(),
        "value": _value(),
        "request": _mapping(request, required=("name", "path")),
        "route": _mapping({**request, "weight": {"description": "Share of the mix; default: 1", **_WEIGHT}}, required=("name", "path")),
        "body": _body(),
        "expect": _expect(),
        "extract": {
            "description": "Values taken from the response, by name",
            "type": "object",
            "propertyNames": _ref("valueName"),
            "additionalProperties": _one_of_keys(
                {
                    "json": {"type": "string", **_JSON_PATHS},
                    "header": _text("Name of a header"),
                    "cookie": _text("Name of a cookie"),
                    "regex": _text("Regular expression; its first group, or the whole match, is the value"),
                }
            ),
        },
        "journey": _mapping(
            {
                "name": _ref("label"),
                "weight": {"description": "Share of the mix; default: 1", **_WEIGHT},
                "steps": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": STEPS_LIMIT,
                    "items": {"if": {"required": ["route"]}, "then": _ref("namedStep"), "else": _ref("inlineStep")},
                },
            },
            required=("name", "steps"),
        ),
        "namedStep": _mapping({"route": _ref("label"), "extract": _ref("extract"), "think": _think()}, required=("route",)),
        "inlineStep": _mapping({**request, "think": _think()}, required=("name", "path")),
    }


def _load() -> Schema:
    rate = {"type": "number", "exclusiveMinimum": 0}
    stage = _mapping({"duration": _ref("duration"), "target": {"type": "number", "minimum": 0}}, required=("duration", "target"))
    process = {"enum": ["poisson", "uniform"]}
    load = _mapping(
        {
            "rate": {"description": "Arrivals (requests and journeys) per second; with stages, where the first one starts", **rate},
            "duration": {"description": "Duration of a burst", "$ref": "#/$defs/duration"},
            "stages": {"description": "Linear ramps to a number of arrivals per second", "type": "array", "items": stage, "minItems": 1},
            "arrival": {
                "description": "Arrival process, of everything or by the names of routes, journeys and groups",
                "anyOf": [process, {"type": "object", "minProperties": 1, "additionalProperties": process}],
            },
        }
    )
    return {**load, "not": {"required": ["stages", "duration"]}}


def _value() -> Schema:
    number = {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}
    rows = {"order": {"description": "Order of the rows; default: sequential", "enum": ["sequential", "random"]}}
    return {
        "anyOf": [
            {"enum": ["uuid", "counter"]},
            _mapping({"csv": _text("File with a header line"), **rows}, required=("csv",)),
            _mapping({"json": _text("File with a list of objects, or of single values"), **rows}, required=("json",)),
            _one_of_keys(
                {
                    "counter": {"description": "First number", **number},
                    "int": {"description": "Lowest and highest number", "type": "array", "items": number, "minItems": 2, "maxItems": 2},
                    "choice": {"type": "array", "items": _SCALAR, "minItems": 1, "maxItems": VALUES_LIMIT},
                    "env": _text("Environment variable"),
                    "secret": _text("Environment variable whose value is in no report"),
                }
            ),
        ]
    }


def _request_keys() -> dict[str, Schema]:
    return {
        "name": {"description": "Name in thresholds and reports", "$ref": "#/$defs/label"},
        "method": {"description": "HTTP method; default: POST with a body, otherwise GET", "type": "string"},
        "path": {"description": "Path and query, with placeholders", "type": "string", "pattern": "^/[^#]*$"},
        "host": _text("Host, if it is not the workload's"),
        "headers": {"type": "object", "additionalProperties": _SCALAR},
        "body": _ref("body"),
        "expect": _ref("expect"),
        "extract": _ref("extract"),
        "timeout": {"description": "Timeout of the request; default: the run's", "$ref": "#/$defs/duration"},
        "tags": {
            "description": "Tags for thresholds",
            "type": "object",
            "propertyNames": {"not": {"enum": sorted(RESERVED_TAGS)}},
            "additionalProperties": _ref("label"),
        },
        "group": {"description": "k6's tag group", "$ref": "#/$defs/label"},
    }


def _body() -> Schema:
    return _one_of_keys(
        {
            "json": {"description": "JSON value; a text that is only a placeholder takes the type of its value"},
            "text": {"description": "Text with placeholders", **_SCALAR},
            "form": {"description": "Fields of an HTML form", "type": "object", "additionalProperties": _SCALAR},
            "file": _text("File whose bytes are sent"),
        }
    )


def _expect() -> Schema:
    size = {"type": "integer", "minimum": 0}
    statuses = {"type": "array", "items": {"anyOf": _STATUSES}, "minItems": 1}
    keys: dict[str, Schema] = {
        "status": {"description": "Status, class (2xx), or a list of both; default: below 400", "anyOf": [*_STATUSES, statuses]},
        "headers": {"description": "Texts that headers contain", "type": "object", "additionalProperties": _SCALAR},
        "contains": {"description": "Text that the body contains", "type": ["string", "number", "boolean"]},
        "json": {"description": "Values by dotted path", "type": "object", "propertyNames": _JSON_PATHS},
        "exists": {"description": "Dotted paths that exist", "type": "array", "items": {"type": ["string", "integer"], **_JSON_PATHS}},
        "schema": {"description": "JSON schema: a file, or the schema itself", "type": ["string", "object"], "minLength": 1},
        "sample": {
            "description": "Share of the responses that is checked against the schema; default: 0.05",
            "anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"type": "string", "pattern": "^[0-9.]+ ?%$"}],
        },
        "size": {"description": "Bytes of the body", "anyOf": [size, {**_mapping({"min": size, "max": size}), "minProperties": 1}]},
    }
    return {**_mapping(keys), "minProperties": 1, "dependentRequired": {"sample": ["schema"]}}


def _think() -> Schema:
    return {"description": "Pause before the step", "$ref": "#/$defs/duration"}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _text(description: str) -> Schema:
    return {"description": description, "type": "string", "minLength": 1}


def _mapping(properties: Mapping[str, Schema], required: Sequence[str] = ()) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _one_of_keys(properties: Mapping[str, Schema]) -> Schema:
    """A mapping with exactly one of the keys."""
    return {**_mapping(properties), "minProperties": 1, "maxProperties": 1}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
