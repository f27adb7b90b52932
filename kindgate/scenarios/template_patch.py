"""A change of a workload's pod template as a JSON patch, and the patches that undo it.

Every patch begins with tests: a template that someone else has changed since is left alone, and an undo that is repeated, or
that precedes its action, changes nothing.
"""

from __future__ import annotations

from kindgate.model import Manifest, ObjectRef
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.json_patch import Patch, disown_step, expect, patch_step, replace_value
from kindgate.scenarios.template_changes import EPISODE, Template

_TEMPLATE = "/spec/template"
_MARK = f"{_TEMPLATE}/metadata/annotations/{EPISODE.replace('~', '~0').replace('/', '~1')}"


def change_patch(live: Manifest, template: Template) -> Patch:
    """The patch that gives the workload another template, unless its own is no longer that of `live`."""
    return [expect(_TEMPLATE, live["spec"]["template"]), replace_value(_TEMPLATE, template)]


def restore_patch(live: Manifest, episode: str) -> Patch:
    """The patch that gives a workload the template of `live` again, if its own is stamped with `episode`."""
    return [expect(_MARK, episode), replace_value(_TEMPLATE, live["spec"]["template"])]


def undo_steps(live: Manifest, episode: str) -> tuple[UndoStep, ...]:
    """The steps that undo one change, stamped with `episode`, of the workload as it is before: `live`; the second restores the owners."""
    restore = patch_step(ObjectRef.of(live), restore_patch(live, episode))
    return (restore, disown_step(live, expect(_TEMPLATE, live["spec"]["template"])))
