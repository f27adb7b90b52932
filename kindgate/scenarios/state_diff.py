"""The difference between two states of a cluster's objects: empty if everything that was done has been undone.

Left out is only what changes by itself, or what a change and its undo cannot but leave behind; `IGNORED` is the whole list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kindgate.model import Manifest, ObjectRef, kind_of

IGNORED_KINDS = frozenset({"Event", "Pod", "ReplicaSet", "ControllerRevision", "EndpointSlice", "Endpoints", "Lease"})
"""Made by controllers from other objects, which are compared: pods have new names, revisions are kept as history."""

IGNORED = (
    ("status",),
    ("metadata", "resourceVersion"),
    ("metadata", "generation"),
    ("metadata", "annotations", "deployment.kubernetes.io/revision"),
    ("metadata", "annotations", "deprecated.daemonset.template.generation"),
)
"""Fields that count changes, or that only report."""

_SECRET_FIELDS = frozenset({"data", "stringData"})
_LONGEST = 120
"""Characters of a value in a difference."""


def differences(before: Iterable[Manifest], after: Iterable[Manifest]) -> tuple[str, ...]:
    """A line for each object that exists on one side only, and for each field whose values differ."""
    first, second = ({ObjectRef.of(item): _normalized(item) for item in items if _is_compared(item)} for items in (before, after))
    return tuple(line for ref in sorted(first | second) for line in _object_lines(ref, first.get(ref), second.get(ref)))


def _is_compared(manifest: Manifest) -> bool:
    return kind_of(manifest) not in IGNORED_KINDS


def _normalized(manifest: Manifest) -> Any:  # noqa: ANN401  # any part of a JSON document
    """The object without what is ignored; the owners of fields without times and without those of the status."""
    reduced = _without(manifest, IGNORED)
    metadata = reduced.get("metadata") or {}
    owners = sorted(
        ({key: value for key, value in entry.items() if key != "time"} for entry in metadata.get("managedFields") or ()),
        key=lambda entry: json.dumps(entry, sort_keys=True),
    )
    specification = [_without(entry, (("fieldsV1", "f:status"),)) for entry in owners if not entry.get("subresource")]
    return {**reduced, "metadata": {**metadata, "managedFields": specification}}


def _without(node: Mapping[str, Any], paths: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The mapping without the fields at `paths`."""
    own = {path[0] for path in paths if len(path) == 1}
    kept = {key: value for key, value in node.items() if key not in own}
    for key in {path[0] for path in paths if len(path) > 1} & kept.keys():
        if isinstance(kept[key], Mapping):
            kept[key] = _without(kept[key], [path[1:] for path in paths if path[0] == key and len(path) > 1])
    return kept


def _object_lines(ref: ObjectRef, before: object, after: object) -> Iterator[str]:
    if before is None or after is None:
        yield f"{ref}: {'was created' if before is None else 'was deleted'}"
        return
    for path, first, second in _field_differences(before, after, ""):
        is_private = ".env[" in path or (ref.kind == "Secret" and path.split(".")[1] in _SECRET_FIELDS)
        yield f"{ref}: {path[1:]}: {'changed' if is_private else f'{_shown(first)} -> {_shown(second)}'}"


def _field_differences(before: object, after: object, path: str) -> Iterator[tuple[str, object, object]]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _field_differences(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (first, second) in enumerate(zip(before, after, strict=True)):
            yield from _field_differences(first, second, f"{path}[{number}]")
    elif not (_is_empty(before) and _is_empty(after)):  # the server drops an empty field
        yield path, before, after


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, Mapping | list) and not value)


def _shown(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
