"""Values of options as they were typed: lengths of time, and texts in a terminal that is not set to UTF-8."""

from __future__ import annotations

import os
from collections.abc import Sequence

import typer

from kindgate.duration import EXAMPLES, signed_seconds


def seconds(value: object) -> float:
    """The value, a text or a default, in seconds; raises typer's own error, which names the option."""
    text = str(value)
    found = signed_seconds(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a duration: use a value such as {EXAMPLES}")
    return found


def typed(text: str) -> str:
    """The text that was typed: in an ASCII locale, Python hands over its bytes in UTF-8 one by one."""
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        return text


def all_typed(texts: Sequence[str] | None) -> tuple[str, ...]:
    """The texts of a repeated option."""
    return tuple(map(typed, texts or ()))
