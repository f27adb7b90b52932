"""Secrets that the manifests refer to and do not hold: made from values that come from outside."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kindgate.model import Manifest, ObjectRef, Rendered

_NAMED = {"secretName": "", "secretRef": "name", "secretKeyRef": "name", "secret": "name"}
"""Fields of any object that lead to a Secret, and the key below them that names it."""


@dataclass(frozen=True)
class AskedSecret:
    """One key of a Secret, and the variable that holds its value: what `--app-secret NAME=ENV_VAR` says."""

    secret: str
    key: str
    variable: str

    @classmethod
    def parse(cls, text: str) -> AskedSecret:
        """`NAME=ENV_VAR` makes the key ENV_VAR, as `envFrom` wants it; `NAME/KEY=ENV_VAR` makes the key KEY."""
        name, _, variable = text.partition("=")
        secret, _, key = name.partition("/")
        return cls(secret, key or variable, variable)


def with_secrets(rendered: Rendered, asked: Sequence[AskedSecret], values: Mapping[str, str]) -> Rendered:
    """The objects with each Secret that they refer to and lack, in each namespace that does; a value that is missing is empty."""
    made: dict[ObjectRef, dict[str, str]] = {}
    for ref in sorted(lacking_secrets(rendered)):
        for one in asked:
            if one.secret == ref.name:
                made.setdefault(ref, {})[one.key] = values.get(one.variable, "")
    return replace(
        rendered,
        objects=(*rendered.objects, *(_secret(ref, content) for ref, content in made.items())),
        origins={**rendered.origins, **dict.fromkeys(made, "--app-secret")},
    )


def lacking_secrets(rendered: Rendered) -> frozenset[ObjectRef]:
    """The Secrets that objects refer to and that are not among them, whether the reference is optional or not."""
    referred = {
        ObjectRef("Secret", ObjectRef.of(manifest).namespace, name) for manifest in rendered.objects for name in _references(manifest)
    }
    return frozenset(referred - {ObjectRef.of(manifest) for manifest in rendered.of_kind("Secret")})


def _secret(ref: ObjectRef, content: Mapping[str, str]) -> Manifest:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "type": "Opaque",
        "data": encoded,
    }


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a YAML document
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "imagePullSecrets" and isinstance(value, list):
                yield from (str(entry["name"]) for entry in value if isinstance(entry, Mapping) and entry.get("name"))
            below = _NAMED.get(key)
            name = value if below == "" else value.get(below) if below and isinstance(value, Mapping) else None
            if isinstance(name, str) and name:
                yield name
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)
