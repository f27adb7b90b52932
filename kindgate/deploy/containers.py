"""Rules about containers: what a judged application must say for its figures to mean anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kindgate.deploy.findings import Finding, Level
from kindgate.deploy.podspecs import pod_template
from kindgate.errors import ImageError
from kindgate.images.reference import DEFAULT_TAG, ImageReference
from kindgate.model import Manifest, ObjectRef

_NEEDED: tuple[tuple[str, str, Level, str], ...] = (
    ("requests", "cpu", "error", "no CPU request: the scheduler places the pod as if it needed none"),
    ("requests", "memory", "error", "no memory request: the scheduler places the pod as if it needed none"),
    ("limits", "memory", "error", "no memory limit: one pod can take the node's memory"),
    ("limits", "cpu", "warning", "no CPU limit: throttling cannot be judged"),
)


def container_findings(manifest: Manifest, file: str) -> Iterator[Finding]:
    """What is wrong with the containers of one object: resources that are missing, images that float."""
    template = pod_template(manifest)
    if template is None:
        return
    ref = ObjectRef.of(manifest)
    for path, container in template.containers():
        where = f"{path} ({container.get('name', 'no name')})"
        resources = _effective(container.get("resources") or {})
        for group, name, level, message in _NEEDED:
            if name not in resources[group]:
                yield Finding(file, ref, f"{where}.resources.{group}.{name}", message, level)
        yield from _image(container, file, ref, where)


def _effective(resources: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Requests and limits as the API server completes them: a request that is left out is the limit."""
    limits = resources.get("limits") or {}
    return {"limits": limits, "requests": {**limits, **(resources.get("requests") or {})}}


def _image(container: Mapping[str, Any], file: str, ref: ObjectRef, where: str) -> Iterator[Finding]:
    image = container.get("image")
    if not image:
        yield Finding(file, ref, f"{where}.image", "no image")
        return
    try:
        reference = ImageReference.parse(str(image))
    except ImageError as error:
        yield Finding(file, ref, f"{where}.image", error.message)
        return
    if reference.tag == DEFAULT_TAG and not reference.digest:
        pinned = container.get("imagePullPolicy") in {"IfNotPresent", "Never"}
        message = f"{image} names no fixed version" + (
            "" if pinned else ", and its default pull policy passes by what is loaded into the nodes"
        )
        yield Finding(file, ref, f"{where}.image", message, "warning" if pinned else "error")
