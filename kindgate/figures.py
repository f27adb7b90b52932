"""Number format of sentences, tables and pages: three significant digits, whole numbers in full."""

from __future__ import annotations

import math


def figure(value: float) -> str:
    """About three significant digits, without exponents below a million billion: `0.0123`, `4.57`, `12.3`, `1,234`."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2
    if 0 < size < 1:
        decimals = min(9, 2 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def milliseconds(value: float) -> str:
    """A time: `142 ms`."""
    return f"{figure(value)} ms"


def percent(share: float) -> str:
    """A share in percent, `1.2 %`; less than 100 % is never rounded to 100 %, and a positive share never to 0."""
    if 0.99 < share < 1:
        return f"{math.floor(share * 1e5) / 1e3:g} %"
    if 0 < share < 1e-11:
        return "0.000000001 %"
    return f"{figure(100 * share)} %"
