"""How sentences write numbers: three significant figures, a thin unit, thousands apart."""

from __future__ import annotations

import math


def figure(value: float) -> str:
    """Three significant figures without an exponent: `0.0123`, `4.57`, `12.3`, `1,230`."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def milliseconds(value: float) -> str:
    """A time: `142 ms`."""
    return f"{figure(value)} ms"


def percent(share: float) -> str:
    """A share between 0 and 1: `1.2 %`."""
    return f"{figure(100 * share)} %"
