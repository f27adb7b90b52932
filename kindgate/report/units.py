"""Formatting of a report's figures, with their units, and of missing ones."""

from __future__ import annotations

from kindgate import figures

NONE = "—"
"""The text for a missing figure."""


def number(value: float | None) -> str:
    """A figure, or a dash."""
    return NONE if value is None else figures.figure(value)


def limit(value: float | None) -> str:
    """A limit; a missing one cannot be exceeded, which does not count as a pass."""
    return "not judged" if value is None else number(value)


def quantity(value: float | None, unit: str) -> str:
    """A figure with its unit; `share` is written as a percentage."""
    if value is None:
        return NONE
    if unit == "share":
        return percent(value)
    return f"{number(value)}{'' if unit.startswith('/') else ' '}{unit}" if unit else number(value)


def percent(share: float | None) -> str:
    """A share as a percentage, or a dash."""
    return NONE if share is None else figures.percent(share)


def change(share: float | None) -> str:
    """A relative change with its sign."""
    return NONE if share is None else f"{100 * share:+.1f} %"


def span(seconds: float) -> str:
    """A duration in everyday units."""
    if seconds < 60:
        return f"{number(round(seconds, 1))} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def short_span(seconds: float) -> str:
    """A duration that may be far below a second, in milliseconds then."""
    return f"{number(1000 * seconds)} ms" if seconds < 0.1 else span(seconds)


def plural(count: int, noun: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
