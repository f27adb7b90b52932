"""JSON patches (RFC 6902) as the steps of an undo: tests first, so a repeated or late one changes nothing.

The API server applies all of a patch or none of it.
"""

from __future__ import annotations

import json
from typing import Any

from kindgate.model import Manifest, ObjectRef
from kindgate.scenarios.action import UndoStep

Patch = list[dict[str, Any]]


def expect(path: str, value: object) -> dict[str, Any]:
    """The operation that rejects the patch unless `path` has this value."""
    return {"op": "test", "path": path, "value": value}


def replace_value(path: str, value: object) -> dict[str, Any]:
    """The operation that gives `path` another value."""
    return {"op": "replace", "path": path, "value": value}


def patch_step(ref: ObjectRef, patch: Patch) -> UndoStep:
    """The step that applies `patch` to a workload; it is read from standard input, because arguments can be seen by every user."""
    arguments = ("patch", f"{ref.kind.lower()}.apps/{ref.name}", "--namespace", ref.namespace, "--type", "json")
    return UndoStep((*arguments, "--patch-file", "/dev/stdin"), json.dumps(patch))


def disown_step(live: Manifest, *tests: dict[str, Any]) -> UndoStep:
    """The step that restores the owners of the fields after one change and its undo, of the workload as it was before: `live`.

    Otherwise the change would own them, and a server-side apply that leaves one out later would not remove it. The generation
    counts the changes of the specification: after a change and its undo it is greater by two, and by more if there was another.
    """
    metadata = live["metadata"]
    patch = [
        expect("/metadata/uid", metadata["uid"]),
        expect("/metadata/generation", metadata["generation"] + 2),
        *tests,
        replace_value("/metadata/managedFields", metadata.get("managedFields") or []),
    ]
    return patch_step(ObjectRef.of(live), patch)
