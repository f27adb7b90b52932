"""Changes of a pod template that make its controller replace the pods; the template that is given is never modified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kindgate.errors import ScenarioError
from kindgate.images.image_reference import ImageReference, selects

Template = Mapping[str, Any]
"""A workload's `spec.template`."""

EPISODE = "kindgate.dev/episode"
"""Annotation of a pod template that an episode has changed; its undo applies only while the value is that of the episode."""

MISSING_TAG = "kindgate-missing"
"""A tag that no image has."""


def stamped(template: Template, episode: str) -> Template:
    """The template with the annotation of the episode, which alone suffices to replace the pods."""
    metadata = template.get("metadata") or {}
    return {**template, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), EPISODE: episode}}}


def with_environment(template: Template, variables: Mapping[str, str]) -> Template:
    """The template with these variables in every container but init containers, in place of those of the same names."""
    items = {name: {"name": name, "value": value} for name, value in variables.items()}
    if not items:
        return template

    def changed(container: Mapping[str, Any]) -> Mapping[str, Any]:
        present = {str(item.get("name")): item for item in container.get("env") or ()}
        return {**container, "env": list((present | items).values())}

    return _with_containers(template, changed)


def with_images(template: Template, images: Mapping[str, str]) -> Template:
    """The template with each image NAME of `images` replaced by its value; a NAME without a tag matches every tag."""
    if not images:
        return template

    def changed(container: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = ImageReference.parse(str(container.get("image", "")))
        return next(({**container, "image": image} for name, image in images.items() if selects(name, reference)), container)

    return _with_containers(template, changed)


def with_missing_image(template: Template) -> Template:
    """The template with an image that does not exist in its first container, as after a mistyped tag.

    It is never pulled: no registry is asked, and the failure is the same on every machine.
    """
    first, *others = _containers(template)
    image = ImageReference.parse(str(first.get("image", "")))
    broken = {**first, "image": f"{image.name}:{MISSING_TAG}", "imagePullPolicy": "Never"}
    return {**template, "spec": {**template["spec"], "containers": [broken, *others]}}


def _with_containers(template: Template, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Template:
    return {**template, "spec": {**template["spec"], "containers": [change(item) for item in _containers(template)]}}


def _containers(template: Template) -> list[Mapping[str, Any]]:
    containers = list((template.get("spec") or {}).get("containers") or ())
    if not containers:
        raise ScenarioError("the pod template has no containers")
    return containers
