"""Takes secrets out of what a bundle holds: values that are known to be secret, and texts that look like one.

Nothing here is certain to find a secret that nobody named: it finds the values of Secrets and of variables with a
secret's name wherever they appear, and what has the form of a token, a private key or a password in an address.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from kindgate.deploy.secrets import PLACEHOLDER
from kindgate.model import Manifest, kind_of

MASK = "[redacted]"

SHORTEST = 5
"""Characters: replacing shorter values everywhere would shred every text. In objects they are replaced all the same."""

_NAME = r"(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?key[_-]?data|credentials?|dsn)"
_NO_VERDICT = r"(?!(?-i:(?<![\w-])PASS: ))"  # `PASS: p(95) of ...` and `PASS: TestName` are outcomes
_SECRET_NAME = re.compile(rf"{_NAME}s?(?:[_-]?\d+)?$", re.IGNORECASE)
_PATTERNS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\beyJ[\w-]{8,2000}\.[\w-]{4,4000}\.[\w-]{4,}"),  # a JSON Web Token
    re.compile(r"\bgh[oprsu]_\w{20,}|\bgithub_pat_\w{20,}|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{10,}"),
)
_AFTER = (
    re.compile(r"(?P<keep>\b(?:Bearer|Basic)\s+)(?P<secret>[\w.~+/=-]{6,})", re.IGNORECASE),
    re.compile(r"(?P<keep>\w://[^\s/:@]*:)(?P<secret>[^\s/\"'<>]+)(?=@)"),
    re.compile(
        rf"""{_NO_VERDICT}(?P<keep>{_NAME}["']?\s*[:=]\s*["']?)(?!true\b|false\b|null\b|none\b)(?P<secret>[^\s"',;&}}\]]{{{SHORTEST},}})""",
        re.IGNORECASE,
    ),
)


class Redactor:
    """Replaces the given secret values, and whatever looks like one, by a mask."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        ordered = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(MASK, text)
        for pattern in _AFTER:
            text = pattern.sub(lambda found: found["keep"] + MASK, text)
        return text


def without_secrets(manifest: Manifest) -> dict[str, Any]:
    """A copy of an object without its secret values, and without the copies of them that Kubernetes keeps in metadata."""
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


def secret_values(manifests: Iterable[Manifest]) -> Iterator[str]:
    """The secret values in these objects: of Secrets all, of the others those under a secret's name."""
    for manifest in manifests:
        if kind_of(manifest) == "Secret":
            yield from _of_secret(manifest)
        else:
            yield from _named_values(manifest)


def environment_secrets(environment: Mapping[str, str]) -> Iterator[str]:
    """The values of variables with a secret's name."""
    return (value for name, value in environment.items() if _SECRET_NAME.search(name) and value)


def kubeconfig_secrets(kubeconfig: Mapping[str, Any]) -> Iterator[str]:
    """The credentials of every user in a kubeconfig; certificates are none, keys are."""
    for user in kubeconfig.get("users") or ():
        for key, value in (user.get("user") or {}).items():
            if key in {"token", "password", "client-key-data"} and isinstance(value, str):
                yield value
                if key == "client-key-data":
                    yield from _decoded(value)


def _of_secret(secret: Manifest) -> Iterator[str]:
    """Every value, also as base64; a placeholder is no secret, and often the cause that a text names."""
    for value in (secret.get("stringData") or {}).values():
        if value != PLACEHOLDER:
            yield str(value)
    for value in (secret.get("data") or {}).values():
        plain = list(_decoded(str(value)))
        if plain != [PLACEHOLDER]:
            yield from (str(value), *plain)


def _named_values(node: object) -> Iterator[str]:
    """Texts under a secret's name, anywhere: `{name: DB_PASSWORD, value: ...}` and `{password: ...}`."""
    if isinstance(node, Mapping):
        if _is_secret_variable(node):
            yield node["value"]
        for key, value in node.items():
            if isinstance(value, str) and _SECRET_NAME.search(str(key)):
                yield value
            yield from _named_values(value)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _named_values(item)


def _masked(node: Any) -> Any:  # noqa: ANN401 - any part of a YAML document
    """A copy with a mask where `_named_values` sees a value."""
    if isinstance(node, Mapping):
        if _is_secret_variable(node):
            return {**node, "value": MASK}
        return {key: MASK if isinstance(value, str) and _SECRET_NAME.search(str(key)) else _masked(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_masked(item) for item in node]
    return node


def _is_secret_variable(node: Mapping[Any, Any]) -> bool:
    name = node.get("name")
    return isinstance(name, str) and isinstance(node.get("value"), str) and _SECRET_NAME.search(name) is not None


def _forms(value: str) -> Iterator[str]:
    """How a value may appear in a text: as it is, by line, encoded for JSON, for an address, or as base64."""
    value = value.strip()
    yield value
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= 2 * SHORTEST)
    yield json.dumps(value)[1:-1]
    yield quote(value, safe="")
    yield base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()


def _decoded(value: str) -> Iterator[str]:
    try:
        yield base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return
