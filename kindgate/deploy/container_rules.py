"""Rules for containers: readable images, and the policy that makes a workload's measurements meaningful."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kindgate.deploy.manifest_findings import Finding
from kindgate.errors import ImageError
from kindgate.images.image_reference import DEFAULT_TAG, ImageReference
from kindgate.model import Manifest, ObjectRef, kind_of
from kindgate.pod_templates import Container, pod_templates

_REQUIRED_RESOURCES = (
    ("requests", "cpu", "no CPU request: the scheduler assumes that the pod needs none"),
    ("requests", "memory", "no memory request: the scheduler assumes that the pod needs none"),
    ("limits", "memory", "no memory limit: memory use is not judged, and one pod can use all of the node's memory"),
    ("limits", "cpu", "no CPU limit: throttling is not judged"),
)
_SERVING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})


@dataclass(frozen=True)
class LimitDefaults:
    """Requests and limits by resource that a namespace's LimitRange objects give a container without its own."""

    requests: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)


def limit_defaults(manifests: Iterable[Manifest]) -> dict[str, LimitDefaults]:
    """The defaults of each namespace that has a LimitRange for containers, by namespace name."""
    by_namespace: dict[str, LimitDefaults] = {}
    for manifest in manifests:
        if kind_of(manifest) != "LimitRange":
            continue
        namespace = ObjectRef.of(manifest).namespace
        for item in (manifest.get("spec") or {}).get("limits") or ():
            if item.get("type") == "Container":
                known = by_namespace.get(namespace, LimitDefaults())
                # without explicit defaults, the maximum is the default limit, and the limit is the default request
                limits = {**(item.get("max") or {}), **(item.get("default") or {})}
                requests = {**limits, **(item.get("defaultRequest") or {})}
                by_namespace[namespace] = LimitDefaults({**known.requests, **requests}, {**known.limits, **limits})
    return by_namespace


def container_findings(manifest: Manifest, file: str, defaults: LimitDefaults) -> Iterator[Finding]:
    """Yield the problems of one object's containers; `defaults` are its namespace's."""
    ref = ObjectRef.of(manifest)
    for template in pod_templates(manifest):
        for path, container in template.containers():
            name = str(container.get("name", "(unnamed)"))
            resources = effective_resources(container.get("resources") or {}, defaults)
            for group, resource, message in _REQUIRED_RESOURCES:
                if resource not in resources[group]:
                    yield _policy_finding(file, ref, f"{path}.resources.{group}.{resource}", f"container {name}: {message}")
            if ref.kind in _SERVING and ".containers[" in path and "readinessProbe" not in container:
                yield _policy_finding(
                    file, ref, path, f"container {name}: no readiness probe, so it receives requests before it can answer them"
                )
            yield from _image_findings(container, file, ref, path)


def _policy_finding(file: str, ref: ObjectRef, path: str, message: str) -> Finding:
    return Finding(file, ref, path, message, "warning", policy=True)


def effective_resources(resources: Mapping[str, Any], defaults: LimitDefaults) -> dict[str, Mapping[str, Any]]:
    """Return a container's requests and limits as the API server completes them: a missing request equals the limit."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    return {"limits": {**defaults.limits, **limits}, "requests": {**defaults.requests, **limits, **requests}}


def _image_findings(container: Container, file: str, ref: ObjectRef, path: str) -> Iterator[Finding]:
    image = container.get("image")
    if image is None and ref.kind not in _SERVING:
        return  # a custom resource's controller might set it
    if not image:
        yield Finding(file, ref, f"{path}.image", "no image")
        return
    try:
        reference = ImageReference.parse(str(image))
    except ImageError as error:
        yield Finding(file, ref, f"{path}.image", error.message)
        return
    if reference.tag == DEFAULT_TAG and not reference.digest:
        yield _policy_finding(file, ref, f"{path}.image", f"{image} is not pinned to a version")
