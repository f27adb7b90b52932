"""A shorter stabilization window of a HorizontalPodAutoscaler as a JSON patch (RFC 6902), and the patches that undo it.

As in `template_patch`, tests come first: an autoscaler that someone else has changed since is left alone, and an undo that
is repeated changes nothing.
"""

from __future__ import annotations

import json
from typing import Any

from kindgate.model import Manifest, ObjectRef
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.autoscalers import with_window
from kindgate.scenarios.template_changes import EPISODE

Patch = list[dict[str, Any]]

_BEHAVIOR = "/spec/behavior"
_ANNOTATIONS = "/metadata/annotations"
_MARK = f"{_ANNOTATIONS}/{EPISODE.replace('~', '~0').replace('/', '~1')}"


def change_patch(live: Manifest, episode: str, seconds: int) -> Patch:
    """The patch that sets the window of scale-ins and marks the autoscaler with `episode`, unless its spec is no longer that of `live`."""
    annotations = live["metadata"].get("annotations") or {}
    return [
        _operation("test", "/spec", live["spec"]),
        _operation("add", _BEHAVIOR, with_window(live, seconds)),
        _operation("add", _ANNOTATIONS, {**annotations, EPISODE: episode}),
    ]


def undo_steps(live: Manifest, episode: str) -> tuple[UndoStep, ...]:
    """The steps that undo the change marked with `episode` of the autoscaler as it is before: `live`.

    The second step restores the owners of the fields, as after a changed pod template. The generation shows that nothing else
    changed the specification.
    """
    behavior = live["spec"].get("behavior")
    restore: Patch = [
        _operation("test", _MARK, episode),
        _operation("replace", _BEHAVIOR, behavior) if behavior is not None else {"op": "remove", "path": _BEHAVIOR},
        {"op": "remove", "path": _MARK},
    ]
    disown: Patch = [
        _operation("test", "/metadata/uid", live["metadata"]["uid"]),
        _operation("test", "/metadata/generation", live["metadata"]["generation"] + 2),
        _operation("test", "/spec", live["spec"]),
        _operation("replace", "/metadata/managedFields", live["metadata"].get("managedFields") or []),
    ]
    return tuple(_step(ObjectRef.of(live), patch) for patch in (restore, disown))


def _step(ref: ObjectRef, patch: Patch) -> UndoStep:
    """The step that applies `patch`; it is read from standard input, because arguments can be seen by every user."""
    arguments = ("patch", f"horizontalpodautoscalers.v2.autoscaling/{ref.name}", "--namespace", ref.namespace, "--type", "json")
    return UndoStep((*arguments, "--patch-file", "/dev/stdin"), json.dumps(patch))


def _operation(operation: str, path: str, value: object) -> dict[str, Any]:
    return {"op": operation, "path": path, "value": value}
