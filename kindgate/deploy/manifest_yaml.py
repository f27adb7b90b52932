"""Manifests as YAML, with every scalar read as kubectl reads it.

kubectl decodes YAML with go-yaml 2, whose rules are neither YAML 1.1 nor 1.2: `0644` is an octal number and `on` a
boolean, but `22:22`, `=` and dates are text. The rules are those of go-yaml's `resolve.go`; the tests compare them
with `kubectl annotate --local -o json`.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import json
import math
import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml

from kindgate.errors import ManifestError

_TAG = "tag:yaml.org,2002:"
_PLAIN = f"{_TAG}plain"
"""The internal tag of a scalar that is neither quoted nor tagged: `scalar` decides its type."""

_KEYWORDS: Mapping[str, object] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UINT64 = 2**64
_SHORTEST_EXPONENT = 1e21
"""From this value on, Go writes a float with an exponent, so it is not an integer."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_documents(text: str, source: str) -> list[Any]:
    """Return the documents of a YAML stream (JSON is valid YAML), without empty ones.

    `source` names the stream in the error. Raises `ManifestError` for malformed YAML, and for a value that JSON, and so
    Kubernetes, cannot represent.
    """
    if text.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):  # flow YAML can look like JSON, and libyaml does not support all JSON escapes
            return [json.loads(text, parse_float=lambda number: _number(float(number)))]
    try:
        return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]  # derived from the safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(f"{source}: malformed YAML: {' '.join(str(error).split())}") from error


def scalar(text: str) -> Any:  # noqa: ANN401  # a bool, int, float, str or None, as JSON has them
    """Return the value of an unquoted scalar. Raises `ValueError` for infinity and NaN, which JSON cannot represent."""
    if text in _KEYWORDS:
        return _KEYWORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that JSON can represent")
    digits = text.replace("_", "") if text[:1] in "+-0123456789" else text
    if _INTEGER.fullmatch(digits):
        number = _integer(digits)
        if -(_UINT64 // 2) <= number < _UINT64:
            return number
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        return text if math.isinf(value) else _number(value)
    return text


def _integer(text: str) -> int:
    """Parse an integer like Go's `ParseInt(text, 0, 64)`: a leading zero means octal."""
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").lower()
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _number(value: float) -> int | float:
    """Return integral values as integers, because JSON has one number type: `1.0` and `1e3` are integers."""
    return int(value) if value.is_integer() and abs(value) < _SHORTEST_EXPONENT else value


class _Loader(_Base):  # type: ignore[misc]  # the C loader has no types
    """PyYAML's safe loader with go-yaml's rules for scalars and JSON's for keys."""

    yaml_implicit_resolvers = {None: [(_PLAIN, re.compile(".*", re.DOTALL))]}  # noqa: RUF012  # PyYAML copies it per class

    def construct_untyped(self, _suffix: str, node: Any) -> Any:  # noqa: ANN401  # PyYAML's nodes have no types
        """Construct a node with a tag that Kubernetes does not know, ignoring the tag."""
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        return self.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else self.construct_json_object(node)

    def construct_json_object(self, node: Any) -> dict[str, Any]:  # noqa: ANN401  # the same
        """Construct a mapping with string keys, as in JSON."""
        self.flatten_mapping(node)
        return {_key(self.construct_object(key, deep=True)): self.construct_object(value, deep=True) for key, value in node.value}

    def construct_typed(self, node: Any) -> Any:  # noqa: ANN401  # the same
        """Construct a scalar with a standard YAML tag."""
        tag, text = node.tag.removeprefix(_TAG), str(node.value)
        if tag in {"str", "timestamp"}:
            return text
        if tag == "binary":
            try:
                return base64.b64decode(text).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise ValueError(f"!!binary {text[:40]!r} is not base64 text: {error}") from error
        return scalar(text)


def _key(key: Hashable) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, str | int):
        return str(key)
    if isinstance(key, float):
        return f"{key:g}"
    raise ValueError(f"{key!r} is not a key that JSON can represent")


def _merges(loader: Any, node: Any, flatten: Any) -> None:  # noqa: ANN401  # PyYAML's nodes have no types
    """Mark `<<` as YAML's merge key: this loader has no implicit resolver for it."""
    for key, _ in node.value:
        if key.tag == _PLAIN and key.value == "<<":
            key.tag = f"{_TAG}merge"
    flatten(loader, node)


_Loader.flatten_mapping = functools.partialmethod(_merges, flatten=_Base.flatten_mapping)
_Loader.add_constructor(f"{_TAG}map", _Loader.construct_json_object)
_Loader.add_constructor(f"{_TAG}set", _Loader.construct_json_object)
for _name in ("seq", "omap", "pairs"):
    _Loader.add_constructor(_TAG + _name, functools.partial(_Base.construct_sequence, deep=True))
for _name in ("plain", "int", "float", "bool", "null", "timestamp", "binary"):
    _Loader.add_constructor(_TAG + _name, _Loader.construct_typed)
_Loader.add_multi_constructor("!", _Loader.construct_untyped)
_Loader.add_multi_constructor("tag:", _Loader.construct_untyped)
