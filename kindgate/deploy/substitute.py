"""Another image for the same manifests: how a version that differs by its image alone is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kindgate.deploy.podspecs import pod_template
from kindgate.errors import ImageError
from kindgate.images.reference import ImageReference
from kindgate.model import Manifest, Rendered

IMAGE_IDS = "kindgate.dev/image-ids"

_ROLLED_OUT = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds whose pods are replaced when their template changes; a Job's template cannot change at all."""


def with_images(parts: Sequence[Rendered], images: Mapping[str, str], option: str) -> tuple[Rendered, ...]:
    """The objects with each image NAME of `images` replaced by its value, as `kustomize edit set image` does.

    A NAME without a tag means every tag and digest; `foo` and `docker.io/library/foo` are the same name. The pull
    policy of a replaced image becomes IfNotPresent: it is in the nodes already. Raises `ImageError` for what is no
    image reference, and for a name that no manifest of `parts` has; `option` is where the name was given.
    """
    used: set[str] = set()
    changed = tuple(replace(part, objects=tuple(_replaced(manifest, images, used) for manifest in part.objects)) for part in parts)
    for name in images:
        if name not in used:
            known = sorted({image for part in parts for manifest in part.objects for image in _images(manifest)})
            raise ImageError(
                f"{option} {name}: no manifest names that image", last_state=f"images of the manifests: {', '.join(known) or 'none'}"
            )
    return changed


def with_image_ids(rendered: Rendered, ids: Mapping[str, str]) -> Rendered:
    """The objects with an annotation on each pod template that names an image of `ids` (`registry/repo:tag` -> ID).

    An image of the user's keeps its name when its content changes: without a changed template no pod of a kept
    cluster would be replaced, and the old image would be judged.
    """
    return replace(rendered, objects=tuple(_identified(manifest, ids) for manifest in rendered.objects))


def _identified(manifest: Manifest, ids: Mapping[str, str]) -> Manifest:
    if manifest.get("kind") not in _ROLLED_OUT:
        return manifest
    template = manifest["spec"]["template"]
    containers = (*template["spec"].get("initContainers", ()), *template["spec"]["containers"])
    used = {ImageReference.parse(container["image"]).tagged for container in containers if container.get("image")}
    found = ",".join(f"{name}={ids[name]}" for name in sorted(used & ids.keys()))
    if not found:
        return manifest
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), IMAGE_IDS: found}
    changed = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**manifest, "spec": {**manifest["spec"], "template": changed}}


def _replaced(node: Any, images: Mapping[str, str], used: set[str]) -> Any:  # noqa: ANN401 - any part of a YAML document
    if isinstance(node, list):
        return [_replaced(item, images, used) for item in node]
    if not isinstance(node, Mapping):
        return node
    copy = {key: _replaced(value, images, used) for key, value in node.items()}
    image = copy.get("image")
    if isinstance(image, str) and "name" in copy:
        name = next((name for name in images if _means(name, image)), None)
        if name is not None:
            used.add(name)
            copy |= {"image": images[name], "imagePullPolicy": "IfNotPresent"}
    return copy


def _images(manifest: Manifest) -> Iterator[str]:
    template = pod_template(manifest)
    return (str(container.get("image")) for _, container in (template.containers() if template is not None else ()))


def _means(name: str, image: str) -> bool:
    asked, found = ImageReference.parse(name), ImageReference.parse(image)
    any_tag = ":" not in name.rpartition("/")[2]
    return asked.name == found.name and (any_tag or asked.tag == found.tag)
