"""A change of a workload's pod template as a JSON patch (RFC 6902), and the patches that undo it.

Every patch begins with tests, and the API server applies all of a patch or none of it: a template that someone else has
changed since is left alone, and an undo that is repeated, or that precedes its action, changes nothing.
"""

from __future__ import annotations

import json
from typing import Any

from kindgate.model import Manifest, ObjectRef
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.template_changes import EPISODE, Template

Patch = list[dict[str, Any]]

_TEMPLATE = "/spec/template"
_MARK = f"{_TEMPLATE}/metadata/annotations/{EPISODE.replace('~', '~0').replace('/', '~1')}"


def change_patch(live: Manifest, template: Template) -> Patch:
    """The patch that gives the workload another template, unless its own is no longer that of `live`."""
    return [_test(_TEMPLATE, live["spec"]["template"]), _replace(_TEMPLATE, template)]


def restore_patch(live: Manifest, episode: str) -> Patch:
    """The patch that gives a workload the template of `live` again, if its own is stamped with `episode`."""
    return [_test(_MARK, episode), _replace(_TEMPLATE, live["spec"]["template"])]


def undo_steps(live: Manifest, episode: str) -> tuple[UndoStep, ...]:
    """The steps that undo one change, stamped with `episode`, of the workload as it is before: `live`.

    The second step restores the owners of the fields. Otherwise the change would own them, and a server-side apply that
    leaves one out later would not remove it. The generation counts the changes of the specification: after this one and
    its undo it is greater by two, and by more if there was another one.
    """
    metadata = live["metadata"]
    disown: Patch = [
        _test("/metadata/uid", metadata["uid"]),
        _test("/metadata/generation", metadata["generation"] + 2),
        _test(_TEMPLATE, live["spec"]["template"]),
        _replace("/metadata/managedFields", metadata.get("managedFields") or []),
    ]
    return tuple(_step(ObjectRef.of(live), patch) for patch in (restore_patch(live, episode), disown))


def _step(ref: ObjectRef, patch: Patch) -> UndoStep:
    """The step that applies `patch`; it is read from standard input, because arguments can be seen by every user."""
    arguments = ("patch", f"{ref.kind.lower()}.apps/{ref.name}", "--namespace", ref.namespace, "--type", "json")
    return UndoStep((*arguments, "--patch-file", "/dev/stdin"), json.dumps(patch))


def _test(path: str, value: object) -> dict[str, Any]:
    return {"op": "test", "path": path, "value": value}


def _replace(path: str, value: object) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}
