"""Body checks: whether a response body passes a check."""

from __future__ import annotations

import codecs
import functools
import json
import re
from typing import Any, Final

from kindgate.load.plan import Check

_CHARSET: Final = re.compile(rb"""charset\s*=\s*["']?([^\s;"',]+)""", re.IGNORECASE)
_UTF8: Final = "utf-8"


def body_passes(check: Check, body: bytes, charset: str = _UTF8) -> bool:
    """Whether `body` passes `check`; text is decoded with `charset`."""
    if check.size is not None and len(body) != check.size:
        return False
    if check.substring and not _contains(body, check.substring, charset):
        return False
    if not check.json_path:
        return True
    try:
        value = json.loads(body if charset == _UTF8 else body.decode(charset))
        for step in check.json_path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
        return check.equals is None or _same(value, json.loads(check.equals))
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


@functools.lru_cache(maxsize=64)
def charset_of(content_type: bytes | None) -> str:
    """The charset named by a Content-Type header; UTF-8 if it names none that Python supports."""
    found = _CHARSET.search(content_type or b"")
    try:
        name = codecs.lookup(found[1].decode("ascii")).name if found else _UTF8
        b"\xff".decode(name, errors="replace")  # rejects codecs that are not text encodings or cannot replace errors
    except (LookupError, ValueError):  # an unknown name, a name with a null character, not a text encoding
        return _UTF8
    return _UTF8 if name == "ascii" else name


def _contains(body: bytes, text: str, charset: str) -> bool:
    return text.encode() in body if charset == _UTF8 else text in body.decode(charset, errors="replace")


def _same(found: Any, wanted: Any) -> bool:  # noqa: ANN401 - any part of a JSON document
    """JSON equality: true is not 1."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[key], wanted[key]) for key in found)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return bool(found == wanted)
