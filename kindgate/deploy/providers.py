"""Traefik's providers, which components enable: Traefik reads the switches at startup, so a change must restart it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kindgate.model import Manifest, ObjectRef, Rendered

ANNOTATION = "kindgate.dev/providers"
"""On Traefik's pod template: the provider ConfigMaps that are applied with it."""

TRAEFIK = ObjectRef("Deployment", "ingress", "traefik")


def with_providers(parts: Sequence[Rendered]) -> tuple[Rendered, ...]:
    """Name the switches in the bundled Traefik's pod template, so a change restarts it on a kept cluster."""
    there = {
        ObjectRef.of(item).name for part in parts for item in part.of_kind("ConfigMap") if ObjectRef.of(item).namespace == TRAEFIK.namespace
    }
    return tuple(
        replace(part, objects=tuple(_marked(item, there) if ObjectRef.of(item) == TRAEFIK else item for item in part.objects))
        for part in parts
    )


def _marked(deployment: Manifest, there: set[str]) -> Manifest:
    template: dict[str, Any] = deployment["spec"]["template"]
    sources = [entry.get("configMapRef") or {} for one in template["spec"]["containers"] for entry in one.get("envFrom") or ()]
    switches = sorted(str(source["name"]) for source in sources if source.get("optional") and source.get("name") in there)
    if not switches:
        return deployment
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), ANNOTATION: ",".join(switches)}
    changed = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**deployment, "spec": {**deployment["spec"], "template": changed}}
