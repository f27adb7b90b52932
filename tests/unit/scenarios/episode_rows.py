"""Rows of requests as generators record them, made from what became of each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kindgate.load.raw_samples import OK, Rows
from kindgate.load.schedule import NANOS

Sent = tuple[float, float, int]
"""The intended time and the response time of a request, in seconds, and its outcome."""


def rows_of(sent: Iterable[Sent], route: int = 0) -> Rows:
    """Rows of requests that were sent on time."""
    table = [(route, due := round(at * NANOS), due, due + round(took * NANOS), 0, 0, outcome, 0) for at, took, outcome in sent]
    rows: Rows = np.array(table, np.int64).reshape(-1, 8)
    return rows


def steady(start: float, end: float, took: float = 0.01, outcome: int = OK, rate: float = 100) -> list[Sent]:
    """Evenly spaced requests that are all alike."""
    return [(start + index / rate, took, outcome) for index in range(round((end - start) * rate))]
