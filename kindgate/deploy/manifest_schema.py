"""Schema validation without a cluster, by Kubernetes version or by CRD; unknown fields are errors."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kindgate.model import Manifest, group_of, is_kubernetes_group, kind_of

if TYPE_CHECKING:
    from jsonschema import ValidationError

DEFAULT_VERSION = "1.37"

Problem = tuple[str, str]
"""Path and message."""

CustomSchemas = Mapping[tuple[str, str], Mapping[str, Any]]
"""The OpenAPI schemas of CustomResourceDefinitions, by `apiVersion` and `kind`."""

_OBJECT_FIELDS = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}


def schema_problems(manifest: Manifest, version: str, custom: CustomSchemas | None = None) -> list[Problem] | None:
    """Return a manifest's schema violations; None if no schema knows the kind.

    `version` is a Kubernetes version such as `v1.37.2`. If its schemas are missing, those of the latest earlier version
    are used, or the oldest ones.
    """
    custom_schema = (custom or {}).get((str(manifest["apiVersion"]), str(manifest["kind"])))
    validator = (
        _validator(str(manifest["apiVersion"]), str(manifest["kind"]), _nearest_version(version))
        if custom_schema is None
        else _custom_validator(custom_schema)
    )
    if validator is None:
        return None
    return [_problem_of(error) for error in validator.iter_errors(manifest)]


def custom_schemas(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the schemas of all served versions of the CustomResourceDefinitions in `manifests`."""
    schemas: dict[tuple[str, str], Mapping[str, Any]] = {}
    for manifest in manifests:
        if kind_of(manifest) != "CustomResourceDefinition":
            continue
        spec = manifest.get("spec") or {}
        for version in spec.get("versions") or ():
            if version.get("served", True):
                key = (f"{spec.get('group')}/{version.get('name')}", str((spec.get("names") or {}).get("kind")))
                schemas[key] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return schemas


def closed_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a structural OpenAPI schema to JSON Schema that rejects unknown fields, like strict field validation.

    See "Specifying a structural schema" and "Field pruning" in the Kubernetes documentation of CustomResourceDefinitions.
    """
    result: dict[str, Any] = {key: value for key, value in schema.items() if key not in {"nullable", "format", "example", "default"}}
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
        result["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    elif schema.get("nullable") and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
    for field in ("properties", "patternProperties"):
        if isinstance(schema.get(field), Mapping):
            result[field] = {name: closed_schema(item) for name, item in schema[field].items()}
    for field in ("items", "additionalProperties"):
        if isinstance(schema.get(field), Mapping):
            result[field] = closed_schema(schema[field])
    if schema.get("x-kubernetes-embedded-resource"):
        result["properties"] = {**_OBJECT_FIELDS, **result.get("properties", {})}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in result and not is_open:
        result["additionalProperties"] = False
    return result


def _custom_validator(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - jsonschema's validators have no common type
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 0.2 s to import, and not every run validates

    closed = closed_schema(schema)
    if closed.get("properties") or closed.get("type") == "object":
        closed["properties"] = {**closed.get("properties", {}), **_OBJECT_FIELDS}
    return Draft202012Validator(closed)


@functools.cache
def _nearest_version(version: str) -> str:
    from kubernetes_validate import utils  # noqa: PLC0415 - 0.3 s to import, and not every run validates

    requested = _numbers(version)
    known = sorted(utils.all_versions(), key=_numbers)
    nearest: str = max((item for item in known if _numbers(item) <= requested), key=_numbers, default=known[0])
    return nearest


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("v").split(".")[:2] if part.isdigit())


@functools.cache
def _validator(api_version: str, kind: str, version: str) -> Any:  # noqa: ANN401 - kubernetes-validate has no types
    """Return the validator of a built-in kind; None if there is no schema for it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 0.2 s to import, and not every run validates
    from kubernetes_validate import utils  # noqa: PLC0415 - as above
    from referencing import Registry, Resource  # noqa: PLC0415 - as above

    group = group_of({"apiVersion": api_version})
    # the schema's file name has only the first part of the group: `batch` also matches batch.volcano.sh
    if not is_kubernetes_group(group):
        return None
    number = api_version.rpartition("/")[2]
    stem = f"{group.split('.')[0]}-{number}" if group else number
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    try:
        schema = utils.schema_contents(f"{folder}/{kind.lower()}-{stem}.json", version)
    except FileNotFoundError:
        return None
    if not any((item["group"], item["kind"]) == (group, kind) for item in schema.get("x-kubernetes-group-version-kind") or ()):
        return None
    registry: Registry[Any] = Resource.from_contents(schema) @ Registry()
    registry = Resource.from_contents(_definitions(folder, version)) @ registry
    return Draft202012Validator(schema, registry=registry)


@functools.cache
def _definitions(folder: str, version: str) -> Any:  # noqa: ANN401 - as above
    from kubernetes_validate import utils  # noqa: PLC0415 - as above

    return utils.schema_contents(f"{folder}/_definitions.json", version)


def _problem_of(error: ValidationError) -> Problem:
    """Return path and message of a problem, the deepest one if the schema has alternatives."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above

    deepest = (best_match(error.context) if error.context else None) or error
    message = deepest.message
    if deepest.validator == "additionalProperties":
        message = message.replace("Additional properties are not allowed", "unknown field")
    return _path(deepest.absolute_path), message if len(message) <= 300 else message[:297] + "..."


def _path(parts: Iterable[str | int]) -> str:
    """Format a path such as `spec.template.spec.containers[0].image`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
