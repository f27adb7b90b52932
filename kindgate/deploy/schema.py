"""Manifests against the schema of a Kubernetes version, unknown fields included, with no cluster and no network."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kindgate.model import Manifest

if TYPE_CHECKING:
    from jsonschema import ValidationError

DEFAULT_VERSION = "1.37"


def schema_problems(manifest: Manifest, version: str) -> list[tuple[str, str]] | None:
    """What the schema says against a manifest: pairs of path and message; None where the schema does not know the kind.

    `version` is a Kubernetes version such as `v1.37.2`; the nearest version that is not newer stands in for one
    that the schemas lack.
    """
    validator = _validator(str(manifest["apiVersion"]), str(manifest["kind"]), _known_version(version))
    if validator is None:
        return None
    return [_told(error) for error in validator.iter_errors(manifest)]


@functools.cache
def _known_version(version: str) -> str:
    from kubernetes_validate import utils  # noqa: PLC0415 - 0.3 s to import, and not every run validates

    asked = _numbers(version)
    known = sorted(utils.all_versions(), key=_numbers)
    nearest: str = max((item for item in known if _numbers(item) <= asked), key=_numbers, default=known[0])
    return nearest


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("v").split(".")[:2] if part.isdigit())


@functools.cache
def _validator(api_version: str, kind: str, version: str) -> Any:  # noqa: ANN401 - kubernetes-validate has no types
    """The validator of one kind, or None where there is no schema for it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 0.2 s to import, and not every run validates
    from kubernetes_validate import utils  # noqa: PLC0415 - as above
    from referencing import Registry, Resource  # noqa: PLC0415 - as above

    group, slash, number = api_version.partition("/")
    stem = f"{group.split('.')[0]}-{number}" if slash else api_version
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    try:
        schema = utils.schema_contents(f"{folder}/{kind.lower()}-{stem}.json", version)
    except FileNotFoundError:
        return None
    registry: Registry[Any] = Resource.from_contents(schema) @ Registry()
    registry = Resource.from_contents(_definitions(folder, version)) @ registry
    return Draft202012Validator(schema, registry=registry)


@functools.cache
def _definitions(folder: str, version: str) -> Any:  # noqa: ANN401 - as above
    from kubernetes_validate import utils  # noqa: PLC0415 - as above

    return utils.schema_contents(f"{folder}/_definitions.json", version)


def _told(error: ValidationError) -> tuple[str, str]:
    """Path and message of one problem, the deepest where the schema offers a choice."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above

    deepest = (best_match(error.context) if error.context else None) or error
    message = deepest.message
    if deepest.validator == "additionalProperties":
        message = message.replace("Additional properties are not allowed", "unknown field")
    return _path(deepest.absolute_path), message if len(message) <= 300 else message[:297] + "..."


def _path(parts: Iterable[str | int]) -> str:
    """`spec.template.spec.containers[0].image`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
