"""The pods in a manifest: every pod template and container in a resource of any kind, including custom resources.

The single place that knows the location of containers: anything with a list `containers` is a pod specification, as in
a Deployment, a CronJob, an Argo Rollout or a Knative Service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kindgate.model import Manifest

CONTAINER_FIELDS = ("initContainers", "containers", "ephemeralContainers")
"""Lists of containers in a pod specification, in the order in which they start."""

Container = Mapping[str, Any]


@dataclass(frozen=True)
class PodTemplate:
    """The pods of one workload: labels, specification with its dotted path (`spec.template.spec`), annotations."""

    spec_path: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    annotations: Mapping[str, str] = field(default_factory=dict)

    def containers(self) -> Iterator[tuple[str, Container]]:
        """Every container with its path in the manifest, init containers first."""
        for name in CONTAINER_FIELDS:
            for number, container in enumerate(_list(self.spec.get(name))):
                if isinstance(container, Mapping):
                    yield f"{self.spec_path}.{name}[{number}]", container


def pod_templates(manifest: Manifest) -> tuple[PodTemplate, ...]:
    """Every pod template of the object, in the order of its fields; empty for an object that creates no pods.

    A CustomResourceDefinition describes pods of other objects, and has none.
    """
    if manifest.get("kind") == "CustomResourceDefinition":
        return ()
    return tuple(_templates_in(manifest, ""))


def pod_template(manifest: Manifest) -> PodTemplate | None:
    """The object's first pod template; None for an object that creates no pods."""
    return next(iter(pod_templates(manifest)), None)


def containers(manifest: Manifest) -> Iterator[tuple[str, Container]]:
    """Every container of the object with its path."""
    return (pair for template in pod_templates(manifest) for pair in template.containers())


def with_containers(manifest: Manifest, change: Callable[[Container], Container]) -> Manifest:
    """The object with `change` applied to each of its containers."""
    if manifest.get("kind") == "CustomResourceDefinition":
        return manifest
    changed: Manifest = _changed(manifest, change)
    return changed


def _templates_in(node: Any, path: str) -> Iterator[PodTemplate]:  # noqa: ANN401  # any part of a YAML document
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _templates_in(item, f"{path}[{number}]")
    elif isinstance(node, Mapping):
        for key, value in node.items():
            child_path = f"{path}.{key}".removeprefix(".")
            if _is_pod_spec(value):
                metadata = node.get("metadata") if key == "spec" else None
                yield PodTemplate(child_path, _string_mapping(metadata, "labels"), value, _string_mapping(metadata, "annotations"))
            else:
                yield from _templates_in(value, child_path)


def _is_pod_spec(node: Any) -> bool:  # noqa: ANN401  # the same
    return isinstance(node, Mapping) and _are_containers(node.get("containers"))


def _are_containers(node: Any) -> bool:  # noqa: ANN401  # the same
    return isinstance(node, list) and bool(node) and all(isinstance(item, Mapping) for item in node)


def _changed(node: Any, change: Callable[[Container], Container]) -> Any:  # noqa: ANN401  # the same
    if isinstance(node, list):
        return [_changed(item, change) for item in node]
    if not isinstance(node, Mapping):
        return node
    if not _is_pod_spec(node):
        return {key: _changed(value, change) for key, value in node.items()}
    lists = {name: _list(node.get(name)) for name in CONTAINER_FIELDS if name in node}
    return {**node, **{name: [change(item) if isinstance(item, Mapping) else item for item in items] for name, items in lists.items()}}


def _string_mapping(metadata: Any, name: str) -> Mapping[str, str]:  # noqa: ANN401  # the same
    mapping = metadata.get(name) if isinstance(metadata, Mapping) else None
    return mapping if isinstance(mapping, Mapping) else {}


def _list(value: Any) -> list[Any]:  # noqa: ANN401  # the same
    return value if isinstance(value, list) else []
