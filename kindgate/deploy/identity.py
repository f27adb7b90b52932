"""The identity of a Kubernetes object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kindgate.errors import ManifestError


@dataclass(frozen=True, order=True)
class Identity:
    """API group, kind, namespace and name: manifests that agree in all four describe the same object."""

    group: str
    kind: str
    namespace: str
    name: str


def identity(manifest: object, source: str) -> Identity:
    """Return the identity of a YAML document's object; `source` names the document in the error.

    Raises `ManifestError` if it is not a Kubernetes object: no mapping, or no `apiVersion`, `kind` or name.
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
