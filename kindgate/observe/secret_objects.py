"""The secrets in Kubernetes objects, variables and kubeconfigs, and copies of objects without them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kindgate.deploy.secrets import PLACEHOLDER
from kindgate.model import Manifest, kind_of
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.secret_names import MASK, is_secret_name


def without_secrets(manifest: Manifest) -> dict[str, Any]:
    """Return a copy of an object without secret values, and without the copies of them that Kubernetes keeps in metadata."""
    metadata = {key: value for key, value in (manifest.get("metadata") or {}).items() if key != "managedFields"}
    if "annotations" in metadata:
        metadata["annotations"] = {
            key: value for key, value in metadata["annotations"].items() if key != "kubectl.kubernetes.io/last-applied-configuration"
        }
    copy: dict[str, Any] = {**manifest, "metadata": metadata}
    if kind_of(manifest) == "Secret":
        for part in ("data", "stringData"):
            if part in copy:
                copy[part] = dict.fromkeys(copy[part] or {}, MASK)
        return copy
    masked: dict[str, Any] = _masked(copy)
    return masked


def secret_values(manifests: Iterable[Manifest]) -> Iterator[KnownValue]:
    """Yield the secret values in these objects: all values of Secrets, and elsewhere those with a secret's name."""
    for manifest in manifests:
        name = str((manifest.get("metadata") or {}).get("name", ""))
        if kind_of(manifest) == "Secret":
            yield from _secret_object_values(manifest, name)
        else:
            yield from _named_values(manifest, f"{kind_of(manifest)} {name}")


def environment_secrets(environment: Mapping[str, str]) -> Iterator[KnownValue]:
    """Return the values of variables with a secret's name."""
    return (KnownValue(value, name) for name, value in environment.items() if value and is_secret_name(name))


def kubeconfig_secrets(kubeconfig: Mapping[str, Any]) -> Iterator[KnownValue]:
    """Yield the credentials of every user in a kubeconfig; keys are credentials, certificates are not."""
    for user in kubeconfig.get("users") or ():
        for key, value in (user.get("user") or {}).items():
            if key in {"token", "password", "client-key-data"} and isinstance(value, str):
                origin = f"{key} of the kubeconfig"
                yield KnownValue(value, origin)
                if key == "client-key-data":
                    yield from _decoded(value, origin)


def _secret_object_values(secret: Manifest, name: str) -> Iterator[KnownValue]:
    """Yield every value, also as base64. A placeholder is not secret, and often the cause that a text must name."""
    for key, value in (secret.get("stringData") or {}).items():
        if value != PLACEHOLDER:
            yield KnownValue(str(value), f"key {key} of Secret {name}")
    for key, value in (secret.get("data") or {}).items():
        encoded = KnownValue(str(value), f"key {key} of Secret {name}")
        plain = list(_decoded(encoded.text, encoded.origin))
        if [value.text for value in plain] != [PLACEHOLDER]:
            yield from plain
            if not plain or plain[0].maskable:
                yield encoded


def _named_values(node: object, location: str) -> Iterator[KnownValue]:
    """Yield texts with a secret's name at any depth: `{name: DB_PASSWORD, value: ...}` and `{password: ...}`."""
    if isinstance(node, Mapping):
        if _is_secret_variable(node):
            yield KnownValue(node["value"], f"{node['name']} in {location}")
        for key, value in node.items():
            if isinstance(value, str) and is_secret_name(str(key)):
                yield KnownValue(value, f"{key} in {location}")
            yield from _named_values(value, location)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _named_values(item, location)


def _masked(node: Any) -> Any:  # noqa: ANN401 - any part of a YAML document
    """Return a copy with every value masked that `_named_values` finds."""
    if isinstance(node, Mapping):
        if _is_secret_variable(node):
            return {**node, "value": MASK}
        return {key: MASK if isinstance(value, str) and is_secret_name(str(key)) else _masked(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_masked(item) for item in node]
    return node


def _is_secret_variable(node: Mapping[Any, Any]) -> bool:
    name = node.get("name")
    return isinstance(name, str) and isinstance(node.get("value"), str) and is_secret_name(name)


def _decoded(value: str, origin: str) -> Iterator[KnownValue]:
    try:
        yield KnownValue(base64.b64decode(value, validate=True).decode(), origin)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return
