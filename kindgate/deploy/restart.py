"""New pods for workloads that stay, as `kubectl rollout restart` makes them."""

from __future__ import annotations

from dataclasses import replace

from kindgate.model import Manifest, Rendered, kind_of

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation of a pod template whose change replaces the pods; the same as kubectl's."""

_ROLLED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def restarted(rendered: Rendered, moment: str) -> Rendered:
    """The workloads of `rendered` alone, with pods that are as old as `moment` when they are applied."""
    return replace(rendered, objects=tuple(_stamped(item, moment) for item in rendered.objects if kind_of(item) in _ROLLED))


def _stamped(manifest: Manifest, moment: str) -> Manifest:
    template = manifest["spec"]["template"]
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), RESTARTED: moment}
    stamped = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**manifest, "spec": {**manifest["spec"], "template": stamped}}
