"""Lengths of time as values of options that belong to one command alone."""

from __future__ import annotations

import typer

from kindgate.duration import EXAMPLES, signed_seconds


def seconds(value: object) -> float:
    """The value, a text or a default, in seconds; raises typer's own error, which names the option."""
    text = str(value)
    found = signed_seconds(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a duration: write one such as {EXAMPLES}")
    return found
