"""New pods for existing workloads, as `kubectl rollout restart` creates them."""

from __future__ import annotations

from dataclasses import replace

from kindgate.model import Manifest, Rendered, kind_of

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The pod template annotation whose change replaces the pods; kubectl uses the same one."""

_ROLLED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def restarted(rendered: Rendered, moment: str) -> Rendered:
    """Return only the workloads of `rendered`, annotated to restart their pods; `moment` is the annotation's value."""
    return replace(rendered, objects=tuple(_stamped(item, moment) for item in rendered.objects if kind_of(item) in _ROLLED))


def _stamped(manifest: Manifest, moment: str) -> Manifest:
    template = manifest["spec"]["template"]
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), RESTARTED: moment}
    stamped = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**manifest, "spec": {**manifest["spec"], "template": stamped}}
