"""Where the pods are in the manifests of workloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kindgate.model import Manifest

_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"), ("spec", "template")),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}


@dataclass(frozen=True)
class PodTemplate:
    """The pods of one workload: their labels and specification, and the `path` in the manifest at which they stand."""

    path: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]

    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every container with its path, init containers first."""
        for field in ("initContainers", "containers"):
            for number, container in enumerate(self.spec.get(field) or ()):
                yield f"{self.path}.spec.{field}[{number}]".removeprefix("."), container


def pod_template(manifest: Manifest) -> PodTemplate | None:
    """The pods that the object makes, or is; None for every other kind."""
    steps = _TEMPLATES.get(str(manifest.get("kind")))
    if steps is None:
        return None
    node: Mapping[str, Any] = manifest
    for step in steps:
        node = node.get(step) or {}
    return PodTemplate(".".join(steps), (node.get("metadata") or {}).get("labels") or {}, node.get("spec") or {})
