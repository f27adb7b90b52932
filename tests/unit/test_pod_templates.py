"""Pods are found by their structure in objects of any kind."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.pod_templates import containers, pod_template, pod_templates, with_containers

POD: dict[str, Any] = {"initContainers": [{"name": "first", "image": "init:1"}], "containers": [{"name": "main", "image": "app:1"}]}
TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"app": "web"}}, "spec": POD}

OBJECTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "pod": ({"kind": "Pod", "metadata": {"labels": {"app": "web"}}, "spec": POD}, ["spec"]),
    "deployment": ({"kind": "Deployment", "spec": {"template": TEMPLATE}}, ["spec.template.spec"]),
    "cron-job": ({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}}}, ["spec.jobTemplate.spec.template.spec"]),
    "rollout": ({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": TEMPLATE}}, ["spec.template.spec"]),
    "volcano": (
        {"kind": "Job", "spec": {"tasks": [{"name": "a", "template": TEMPLATE}, {"name": "b", "template": TEMPLATE}]}},
        ["spec.tasks[0].template.spec", "spec.tasks[1].template.spec"],
    ),
    "pod-template-field": ({"kind": "Agent", "spec": {"podTemplate": POD}}, ["spec.podTemplate"]),
}


@pytest.mark.parametrize(("manifest", "paths"), OBJECTS.values(), ids=OBJECTS)
def test_pod_templates_are_found_in_any_kind(manifest: dict[str, Any], paths: list[str]) -> None:
    """Built-in and custom kinds are walked alike."""
    templates = pod_templates(manifest)
    assert [template.spec_path for template in templates] == paths
    assert all(template.spec is not None for template in templates)
    assert [path for path, _ in templates[0].containers()] == [f"{paths[0]}.initContainers[0]", f"{paths[0]}.containers[0]"]


def test_labels_come_from_the_pod_template() -> None:
    """Services and disruption budgets select by these labels."""
    template = pod_template(OBJECTS["deployment"][0])
    assert template is not None
    assert template.labels == {"app": "web"}


@pytest.mark.parametrize(
    "manifest",
    [
        {"kind": "Service", "spec": {"ports": []}},
        {"kind": "CustomResourceDefinition", "spec": {"versions": [{"schema": {"spec": POD}}]}},
        {"kind": "Widget", "spec": {"containers": "many"}},
        {"kind": "Widget", "spec": {"containers": ["a"]}},
        {"kind": "Widget"},
    ],
    ids=["service", "crd", "text", "texts", "bare"],
)
def test_other_objects_have_no_pod_templates(manifest: dict[str, Any]) -> None:
    """A schema that describes pods contains none."""
    assert pod_templates(manifest) == ()
    assert list(containers(manifest)) == []


def test_changing_containers_copies_the_object() -> None:
    """The rendered object remains for comparison with the applied one."""
    manifest, _ = OBJECTS["volcano"]
    changed = with_containers(manifest, lambda container: {**container, "image": f"{container['image']}-dev"})
    assert {container["image"] for _, container in containers(changed)} == {"init:1-dev", "app:1-dev"}
    assert {container["image"] for _, container in containers(manifest)} == {"init:1", "app:1"}
