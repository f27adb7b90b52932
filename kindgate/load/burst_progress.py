"""Live figures of a running burst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kindgate.load.protocol import Recent
from kindgate.load.raw_samples import CODES, OK, Column, Rows
from kindgate.load.result import FailureKind


@dataclass(frozen=True)
class BurstProgress:
    """The last half second or so of a running burst.

    `elapsed`: seconds since the start. `rate`: requests ended per second. `p95_ms`: response time of successful requests
    (None: none succeeded). `ended`, `failed` and `retried` (part of `failed`) count from the start.
    """

    elapsed: float
    ended: int
    failed: int
    retried: int
    in_flight: int
    rate: float
    p95_ms: float | None


OnBurstProgress = Callable[[BurstProgress], None]
"""Called in the thread that waits for the burst."""


class ProgressMeter:
    """Combines the reports of `generators`; calls `show` when as many reports have arrived."""

    def __init__(self, generators: int, show: OnBurstProgress) -> None:
        self._generators = generators
        self._show = show
        self._parts: list[Recent] = []
        self._ended = self._failed = self._retried = 0
        self._shown = 0.0

    def add(self, recent: Recent) -> None:
        """Add one generator's report."""
        self._parts.append(recent)
        if len(self._parts) < self._generators:
            return
        rows: Rows = np.concatenate([part.rows for part in self._parts])
        elapsed = max(part.elapsed for part in self._parts)
        good = rows[rows[:, Column.OUTCOME] == OK]
        self._ended += len(rows)
        self._failed += len(rows) - len(good)
        self._retried += int((rows[:, Column.OUTCOME] == CODES[FailureKind.RETRIED]).sum())
        response = good[:, Column.DONE] - good[:, Column.INTENDED]
        self._show(
            BurstProgress(
                elapsed=elapsed,
                ended=self._ended,
                failed=self._failed,
                retried=self._retried,
                in_flight=sum(part.in_flight for part in self._parts),
                rate=len(rows) / max(elapsed - self._shown, 1e-9),
                p95_ms=float(np.percentile(response, 95)) / 1e6 if len(good) else None,
            )
        )
        self._shown = elapsed
        self._parts.clear()
