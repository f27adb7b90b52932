"""An object is skipped only if it matches its manifest."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kindgate.deploy.last_applied import is_unchanged, with_hash

ASKED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "shop"},
    "data": {"a": "1"},
    "list": [{"name": "x"}, {"name": "y"}],
}


def live(**changes: Any) -> dict[str, Any]:
    """The object as the server stores it, with server-side fields and `changes`."""
    live = copy.deepcopy(with_hash(ASKED))
    live["metadata"] |= {"uid": "1", "resourceVersion": "7"}
    live["list"][0]["default"] = True
    return {**live, **changes}


def test_fields_added_by_the_server_are_not_changes() -> None:
    """Defaults and bookkeeping fields from the server are ignored."""
    assert is_unchanged(with_hash(ASKED), live())


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"a": "2"}},
        {"data": None},
        {"list": [{"name": "x"}]},
        {"list": [{"name": "y"}, {"name": "x"}]},
        {"metadata": {**live()["metadata"], "annotations": {}}},
        {"metadata": {**live()["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
)
def test_a_foreign_change_is_detected(changes: dict[str, Any]) -> None:
    """A value, a missing field, a shorter list, a different order, a missing mark and a pending deletion all count."""
    assert not is_unchanged(with_hash(ASKED), live(**changes))


def test_a_field_removed_from_the_manifest_is_a_change() -> None:
    """The live object has every current field, but also one that was removed from the manifest."""
    less = {key: value for key, value in ASKED.items() if key != "data"}

    assert not is_unchanged(with_hash(less), live())
