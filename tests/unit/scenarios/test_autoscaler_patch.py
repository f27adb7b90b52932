"""A shorter stabilization window and its undo, applied as the API server applies them."""

from __future__ import annotations

import pytest

from kindgate.scenarios.autoscaler_patch import change_patch, undo_steps
from kindgate.scenarios.state_diff import differences
from kindgate.scenarios.template_changes import EPISODE
from tests.unit.deploy.json_patch import PatchRejected, after_patch, counted, patched
from tests.unit.deploy.objects import Object
from tests.unit.scenarios.autoscaler_objects import live_autoscaler

RULES = {"stabilizationWindowSeconds": 300}


def changed(live: Object) -> Object:
    """The autoscaler after the change, which also made another owner of its fields."""
    item: Object = counted(live, change_patch(live, "e1", 0))
    item["metadata"]["managedFields"] = [*item["metadata"]["managedFields"], {"manager": "Go-http-client"}]
    return item


def undone(live: Object, item: Object) -> Object:
    """The autoscaler after all steps of the undo."""
    for step in undo_steps(live, "e1"):
        item = after_patch(item, step.stdin)
    return item


@pytest.mark.parametrize("live", [live_autoscaler(4, 4, scaleDown=RULES), live_autoscaler(4, 4)], ids=["with rules", "without"])
def test_the_undo_restores_the_autoscaler(live: Object) -> None:
    """Rules, annotations and owners of fields are as before; repeated, it changes nothing."""
    item = changed(live)
    assert item["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 0
    assert item["metadata"]["annotations"][EPISODE] == "e1"
    restored = undone(live, item)
    assert differences([live], [restored]) == ()
    assert undone(live, restored) == restored


def test_an_autoscaler_that_someone_else_changed_is_left_alone() -> None:
    """Before the action it is not changed, afterward it keeps its owners, and without the mark it keeps its rules."""
    live = live_autoscaler(4, 4, scaleDown=RULES)
    other = patched(live, [{"op": "replace", "path": "/spec/maxReplicas", "value": 9}])
    with pytest.raises(PatchRejected):
        patched(other, change_patch(live, "e1", 0))
    assert undone(live, other) == other
    later = counted(changed(live), [{"op": "replace", "path": "/spec/maxReplicas", "value": 9}])
    assert undone(live, later)["spec"] == {**live["spec"], "maxReplicas": 9}
    assert undone(live, later)["metadata"]["managedFields"] == later["metadata"]["managedFields"]
