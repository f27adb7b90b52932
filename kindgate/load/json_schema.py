"""JSON schemas as text: refuse unusable ones before a burst, and judge documents by them. A schema never causes a request."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from kindgate.errors import LoadError

_HINT = "copy the definition into the schema"


@functools.lru_cache(maxsize=64)
def refuse_invalid_schema(text: str) -> None:
    """Raise `LoadError` for a text that is not a JSON schema, or that refers to definitions outside itself."""
    import jsonschema  # noqa: PLC0415  # takes tens of milliseconds, and most plans have no schema

    try:
        schema: Any = json.loads(text)
        jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator).check_schema(schema)
    except ValueError as error:
        raise LoadError(f"the JSON schema is not JSON: {error}") from error
    except jsonschema.SchemaError as error:
        where = "/".join(str(step) for step in error.absolute_path)
        raise LoadError(f"the JSON schema is invalid{f' at {where}' if where else ''}: {error.message}") from error
    _refuse_missing_definitions(schema)


def violation(schema: str, document: object) -> str:
    """How a document violates a JSON schema (JSON text), as a clause; empty if it does not.

    Raises `LoadError` for a schema that refers to something outside itself.
    """
    import jsonschema  # noqa: PLC0415  # takes tens of milliseconds, and most plans have no schema
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  # the same

    try:
        error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(document))
    except Unresolvable as missing:
        raise LoadError(f"the JSON schema refers to {missing.ref!r}, which it does not contain", next_step=_HINT) from missing
    except RecursionError:
        return "is nested too deeply for its JSON schema"
    return "" if error is None else f"violates its JSON schema at {error.json_path}: {error.message}"


@functools.lru_cache(maxsize=64)
def _validator(schema: str) -> Any:  # noqa: ANN401 - the class depends on the version that the schema names
    """A validator for the version that the schema names, or for 2020-12."""
    import jsonschema  # noqa: PLC0415  # takes tens of milliseconds, and most plans have no schema
    from referencing import Registry  # noqa: PLC0415  # the same

    document = json.loads(schema)
    kind = jsonschema.validators.validator_for(document, default=jsonschema.Draft202012Validator)
    return kind(document, registry=Registry())  # an empty registry: the default one would fetch other documents


def _refuse_missing_definitions(schema: Any) -> None:  # noqa: ANN401 - any JSON document
    """Raise `LoadError` for a reference that leads out of the schema.

    Parts with an identifier of their own change what references in them mean: such a schema is judged when it is used.
    """
    from referencing import Registry, Resource  # noqa: PLC0415  # takes tens of milliseconds, and most plans have no schema
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  # the same
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415  # the same

    parts = list(_objects(schema))
    if any("$id" in part for part in parts[1:]):
        return
    resource: Resource[Any] = Resource.from_contents(schema, default_specification=DRAFT202012)
    resolver = Registry().resolver_with_root(resource)
    for reference in (part.get("$ref") for part in parts):
        try:
            if isinstance(reference, str):
                resolver.lookup(reference)
        except Unresolvable as missing:
            raise LoadError(f"the JSON schema refers to {reference!r}, which it does not contain", next_step=_HINT) from missing


def _objects(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON document
    """Every object in a document, the outermost first."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(part)
