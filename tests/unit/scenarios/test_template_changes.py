"""Changes of a pod template."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kindgate.errors import ScenarioError
from kindgate.scenarios.template_changes import EPISODE, Template, stamped, with_environment, with_images, with_missing_image
from tests.unit.deploy.objects import deployment


def template(**container: Any) -> dict[str, Any]:
    """A pod template with a sidecar."""
    made: dict[str, Any] = deployment(container=container)["spec"]["template"]
    made["spec"]["containers"].append({"name": "sidecar", "image": "example/sidecar@sha256:" + "0" * 64})
    made["spec"]["initContainers"] = [{"name": "init", "image": "example/web:1.0"}]
    return made


def containers(changed: Template) -> list[dict[str, Any]]:
    """The containers of a template."""
    return list(changed["spec"]["containers"])


def test_a_mark_keeps_other_annotations() -> None:
    """Only the mark is added."""
    given = template()
    given["metadata"]["annotations"] = {"a": "b"}
    assert stamped(given, "42") == {**given, "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b", EPISODE: "42"}}}


def test_a_variable_replaces_one_of_its_name_in_its_place() -> None:
    """Later variables can refer to earlier ones, so the order stays; a reference to a Secret is replaced as a whole."""
    secret = {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    given = template(env=[{"name": "A", "value": "1"}, secret, {"name": "C", "value": "3"}])
    changed = with_environment(given, {"B": "2", "D": "4"})
    names = [(item["name"], item["value"]) for item in containers(changed)[0]["env"]]
    assert names == [("A", "1"), ("B", "2"), ("C", "3"), ("D", "4")]
    assert containers(changed)[1]["env"] == [{"name": "B", "value": "2"}, {"name": "D", "value": "4"}]


def test_images_are_replaced_by_name_as_with_the_option() -> None:
    """A name without a tag matches every tag."""
    changed = with_images(template(), {"docker.io/example/web": "example/web:2.0"})
    assert [item["image"] for item in containers(changed)] == ["example/web:2.0", "example/sidecar@sha256:" + "0" * 64]


def test_a_missing_image_is_in_the_first_container_and_never_pulled() -> None:
    """A registry could answer differently each time."""
    first, second = containers(with_missing_image(template()))
    assert (first["image"], first["imagePullPolicy"]) == ("docker.io/example/web:kindgate-missing", "Never")
    assert second == template()["spec"]["containers"][1]


@pytest.mark.parametrize(
    "change",
    [lambda item: stamped(item, "1"), lambda item: with_environment(item, {"A": "1"}), with_missing_image],
    ids=["mark", "env", "image"],
)
def test_the_given_template_is_not_modified(change: Any) -> None:
    """It is what the undo restores."""
    given = template()
    kept = copy.deepcopy(given)
    assert change(given) != given
    assert given == kept


def test_a_template_without_containers_is_an_error() -> None:
    """A clear one, before anything is changed."""
    with pytest.raises(ScenarioError):
        with_missing_image({"spec": {}})
