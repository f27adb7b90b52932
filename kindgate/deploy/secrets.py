"""Secrets that the manifests reference but lack: created from values supplied from outside, or filled with placeholders."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kindgate.deploy.manifest_findings import Finding
from kindgate.model import Manifest, ObjectRef, Rendered, kind_of

PLACEHOLDER = "placeholder"
"""The value of a key that only its owner knows, chosen so no scanner reports it as a secret."""

PLACEHOLDER_ANNOTATION = "kindgate.dev/placeholder-secret"
"""On a Secret that `kindgate init` wrote because no manifest has it; `--app-secret` fills it in."""

_REFERENCE_FIELDS = {"secretName": "", "secretRef": "name", "secretKeyRef": "name", "secret": "name"}
"""Fields of any object that reference a Secret, and the key below them that has its name."""


@dataclass(frozen=True)
class RequestedSecret:
    """One key of a Secret and the variable with its value, from `--app-secret NAME=ENV_VAR`."""

    secret: str
    key: str
    variable: str

    @classmethod
    def parse(cls, text: str) -> RequestedSecret:
        """Parse `NAME=ENV_VAR`, which creates the key ENV_VAR for `envFrom`, or `NAME/KEY=ENV_VAR`, which creates the key KEY."""
        name, _, variable = text.partition("=")
        secret, _, key = name.partition("/")
        return cls(secret, key or variable, variable)


def with_secrets(rendered: Rendered, requested: Sequence[RequestedSecret], values: Mapping[str, str]) -> Rendered:
    """Add each requested Secret that the objects reference but lack, in each such namespace; missing values are empty.

    A placeholder Secret keeps the keys that are not requested.
    """
    contents: dict[ObjectRef, dict[str, str]] = {}
    for ref in sorted(missing_secrets(rendered)):
        for item in requested:
            if item.secret == ref.name:
                contents.setdefault(ref, {})[item.key] = values.get(item.variable, "")
    defined = {ObjectRef.of(manifest) for manifest in rendered.of_kind("Secret")}
    return replace(
        rendered,
        objects=(
            *(_filled(manifest, contents.get(ObjectRef.of(manifest))) for manifest in rendered.objects),
            *(_secret(ref, content) for ref, content in contents.items() if ref not in defined),
        ),
        origins={**rendered.origins, **dict.fromkeys(contents, "--app-secret")},
    )


def missing_secrets(rendered: Rendered) -> frozenset[ObjectRef]:
    """Return the Secrets that objects reference, optionally or not, that are missing or mere placeholders."""
    referred = {
        ObjectRef("Secret", ObjectRef.of(manifest).namespace, name) for manifest in rendered.objects for name in _references(manifest)
    }
    return frozenset(referred - {ObjectRef.of(manifest) for manifest in rendered.of_kind("Secret") if not _is_placeholder(manifest)})


def placeholder_findings(manifest: Manifest, file: str) -> Iterator[Finding]:
    """Yield a finding for each value of a placeholder Secret that is still to be edited; nothing for other objects."""
    if kind_of(manifest) != "Secret" or not _is_placeholder(manifest):
        return
    ref, content = ObjectRef.of(manifest), manifest.get("stringData") or {}
    if not content and not manifest.get("data"):
        message = "it has no keys: the pods read the whole Secret, so its keys are unknown; add those that the application reads"
        yield Finding(file, ref, "metadata.name", message, "warning")
    for key, value in content.items():
        if value == PLACEHOLDER:
            yield Finding(file, ref, f"stringData.{key}", "a placeholder: edit it, or set the value with --app-secret", "warning")


def _is_placeholder(manifest: Manifest) -> bool:
    return PLACEHOLDER_ANNOTATION in (manifest["metadata"].get("annotations") or {})


def _filled(manifest: Manifest, content: Mapping[str, str] | None) -> Manifest:
    """Merge this content over a Secret's own; any other object, or a Secret without new content, is unchanged."""
    if content is None or kind_of(manifest) != "Secret":
        return manifest
    kept = {key: value for key, value in (manifest.get("stringData") or {}).items() if key not in content}
    return {**manifest, "data": {**(manifest.get("data") or {}), **_encoded(content)}, "stringData": kept}


def _encoded(content: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}


def _secret(ref: ObjectRef, content: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "type": "Opaque",
        "data": _encoded(content),
    }


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a YAML document
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "imagePullSecrets" and isinstance(value, list):
                yield from (str(entry["name"]) for entry in value if isinstance(entry, Mapping) and entry.get("name"))
            name_key = _REFERENCE_FIELDS.get(key)
            name = value if name_key == "" else value.get(name_key) if name_key and isinstance(value, Mapping) else None
            if isinstance(name, str) and name:
                yield name
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)
