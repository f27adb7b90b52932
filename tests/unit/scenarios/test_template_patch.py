"""The patches of an action and of its undo, applied as the API server applies them."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kindgate.scenarios.state_diff import differences
from kindgate.scenarios.template_changes import stamped, with_environment
from kindgate.scenarios.template_patch import change_patch, undo_steps
from tests.unit.deploy.json_patch import after_patch
from tests.unit.deploy.objects import live_deployment

NAMES = st.text(st.characters(codec="utf-8", categories=("Ll", "Nd")) | st.sampled_from("~/.-"), min_size=1, max_size=8)
LABELS = st.none() | st.dictionaries(NAMES, NAMES, max_size=3)


def live(annotations: dict[str, str] | None = None, env: dict[str, str] | None = None) -> Any:
    """A live Deployment whose fields are owned by kindgate."""
    item = live_deployment(2, generation=7)
    item["metadata"]["managedFields"] = [{"manager": "kindgate", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]
    if annotations is not None:
        item["spec"]["template"]["metadata"]["annotations"] = annotations
    if env is not None:
        item["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": name, "value": value} for name, value in env.items()]
    return item


def changed(before: Any, episode: str = "42") -> Any:
    """The workload after the action, whose fields then belong to another manager too."""
    template = stamped(with_environment(before["spec"]["template"], {"A": "new"}), episode)
    after = after_patch(before, change_patch(before, template))
    after["metadata"]["managedFields"].append({"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:spec": {}}})
    return after


def undone(before: Any, state: Any, episode: str = "42") -> Any:
    """The workload after the undo of the action that was done to `before`."""
    for step in undo_steps(before, episode):
        state = after_patch(state, step.stdin)
    return state


@given(LABELS, LABELS)
def test_an_undo_restores_everything(annotations: dict[str, str] | None, env: dict[str, str] | None) -> None:
    """Annotations, variables and the owners of fields, whatever they were; a second undo changes nothing."""
    before = live(annotations, env)
    after = changed(before)
    assert after["spec"] != before["spec"]
    restored = undone(before, after)
    assert restored == {**before, "metadata": {**before["metadata"], "generation": 9}}
    assert differences([before], [restored]) == ()
    assert undone(before, restored) == restored


def test_an_undo_before_its_action_changes_nothing() -> None:
    """The process may die between writing the record and the action."""
    before = live({"a": "b"})
    assert undone(before, before) == before


def test_an_undo_leaves_a_template_alone_that_someone_else_has_replaced() -> None:
    """A deployment after the crash is newer than the record."""
    before = live()
    deployed = changed(before)
    deployed["spec"]["template"] = copy.deepcopy(before["spec"]["template"])
    deployed["spec"]["template"]["spec"]["containers"][0]["image"] = "example/web:2.0"
    deployed["metadata"]["generation"] += 1
    assert undone(before, deployed) == deployed


def test_an_undo_restores_no_owners_after_another_change() -> None:
    """Someone scaled the workload meanwhile: the template is restored, and the owner of the replicas is kept."""
    before = live()
    after = changed(before)
    after["spec"]["replicas"] = 5
    after["metadata"]["generation"] += 1
    restored = undone(before, after)
    assert restored["spec"] == {**before["spec"], "replicas": 5}
    assert restored["metadata"]["managedFields"] == after["metadata"]["managedFields"]


def test_an_undo_of_one_episode_leaves_another_alone() -> None:
    """Each has a mark of its own."""
    before = live()
    other = changed(before, "43")
    assert undone(before, other) == other


def test_an_action_does_not_overwrite_a_newer_template() -> None:
    """Its undo would restore an older one."""
    before = live()
    deployed = copy.deepcopy(before)
    deployed["spec"]["template"]["spec"]["containers"][0]["image"] = "example/web:2.0"
    assert after_patch(deployed, change_patch(before, stamped(before["spec"]["template"], "42"))) == deployed


def test_a_template_is_not_visible_in_the_arguments() -> None:
    """Every user of the machine can read those, and a template may contain a password."""
    before = live(env={"PASSWORD": "hunter22"})
    assert all("hunter22" not in " ".join(step.arguments) for step in undo_steps(before, "42"))
