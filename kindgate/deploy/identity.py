"""What tells one Kubernetes object from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kindgate.errors import ManifestError


@dataclass(frozen=True, order=True)
class Identity:
    """An object's API group, kind, namespace and name: two manifests with the same are the same object."""

    group: str
    kind: str
    namespace: str
    name: str


def identity(manifest: object, source: str) -> Identity:
    """The identity of what a YAML document describes; `source` names the document in the error.

    Raises `ManifestError` where it is no Kubernetes object: no mapping, or `apiVersion`, `kind` or a name missing.
    """
    if not isinstance(manifest, Mapping):
        raise ManifestError(f"{source}: not a Kubernetes object: {str(manifest)[:80]!r}")
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    for field, value in (("apiVersion", manifest.get("apiVersion")), ("kind", manifest.get("kind")), ("metadata.name", name)):
        if not isinstance(value, str) or not value:
            raise ManifestError(f"{source}: a {manifest.get('kind') or 'document'} without {field}: not a Kubernetes object")
    group, slash, _ = manifest["apiVersion"].partition("/")
    return Identity(group if slash else "", manifest["kind"], str((metadata or {}).get("namespace") or ""), str(name))
