"""Parse option values: durations, and text typed in a terminal without UTF-8."""

from __future__ import annotations

import os
from collections.abc import Sequence

import typer

from kindgate.duration import EXAMPLES, signed_seconds


def seconds(value: object) -> float:
    """Convert a text or a default to seconds; raise typer's own error, which names the option."""
    text = str(value)
    parsed = signed_seconds(text)
    if parsed is None:
        raise typer.BadParameter(f"{text!r} is not a duration: use a value such as {EXAMPLES}")
    return parsed


def decoded(text: str) -> str:
    """Decode typed text: in an ASCII locale, Python passes its UTF-8 bytes one by one, as surrogates."""
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        return text


def all_decoded(texts: Sequence[str] | None) -> tuple[str, ...]:
    """`decoded` for a repeatable option."""
    return tuple(map(decoded, texts or ()))
