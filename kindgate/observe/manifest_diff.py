"""The difference between requested and live objects, limited to fields that the manifests set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kindgate.model import Manifest, ObjectRef

_IDENTIFYING_FIELDS = ("name", "containerPort", "port", "host", "key", "ip", "mountPath")
"""Fields that identify an item of a Kubernetes list."""


def differences(requested: Manifest, live: Manifest | None) -> list[str]:
    """Return one line per field of `requested` whose live value differs; a missing object is one line."""
    ref = ObjectRef.of(requested)
    if live is None:
        return [f"{ref}: is not there"]
    compared = {key: value for key, value in requested.items() if key not in {"status", "stringData"}}
    return [f"{ref}: {line}" for line in _compare(compared, live, "")]


def _compare(requested: Any, live: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any part of a YAML document
    if isinstance(requested, Mapping) and isinstance(live, Mapping):
        for key, value in requested.items():
            yield from _compare(value, live.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(requested, list) and isinstance(live, list):
        for index, item in enumerate(requested):
            name = _name(item)
            other = (
                next((live_item for live_item in live if _name(live_item) == name), None)
                if name
                else (live[index] if index < len(live) else None)
            )
            yield from _compare(item, other, f"{path}[{name or index}]")
    elif not _is_equivalent(requested, live):
        yield f"{path}: requested {_shown(requested)}, found {_shown(live)}"


def _name(item: object) -> str:
    if not isinstance(item, Mapping):
        return ""
    return next((f"{key}={item[key]}" for key in _IDENTIFYING_FIELDS if key in item), "")


def _is_equivalent(requested: object, live: object) -> bool:
    """Return whether values are equal or equivalent: null and empty, a number and its text, `1000m` and `1`."""
    if requested in (None, {}, [], "", False) and live in (None, {}, [], "", False):
        return True
    return (
        requested == live
        or str(requested) == str(live)
        or (isinstance(requested, str | int | float) and _quantity(str(requested)) == _quantity(str(live)))
    )


_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}


def _quantity(text: str) -> float | str:
    """Return a Kubernetes quantity's number, or the text if it is not one."""
    digits = text.rstrip("mkMGKi")
    unit = text[len(digits) :]
    try:
        return float(digits) * _UNITS[unit]
    except (ValueError, KeyError):
        return text


def _shown(value: object) -> str:
    text = repr(value) if value is not None else "not set"
    return text if len(text) <= 120 else text[:117] + "..."
