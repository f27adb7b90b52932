"""How figures are written, the same on every page: three digits that matter, and the unit."""

from __future__ import annotations

import math

NONE = "—"
"""What stands for a figure that does not exist."""


def number(value: float | None) -> str:
    """About three significant digits, never in exponents below a million billion."""
    if value is None:
        return NONE
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2
    if 0 < size < 1:
        decimals = min(9, 2 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(value: float | None, unit: str) -> str:
    """A figure with its unit; `share` is written in per cent."""
    if value is None:
        return NONE
    if unit == "share":
        return percent(value)
    return f"{number(value)} {unit}" if unit else number(value)


def percent(share: float | None) -> str:
    """A share in per cent; what is below 100 % never looks like 100 %."""
    if share is None:
        return NONE
    if 0.99 < share < 1:
        return f"{math.floor(share * 1e5) / 1e3:g} %"
    return f"{number(100 * share)} %"


def change(share: float | None) -> str:
    """A relative change with its sign."""
    return NONE if share is None else f"{100 * share:+.1f} %"


def span(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 60:
        return f"{number(round(seconds, 1))} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plural(count: int, noun: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
