"""Rows and the result of a burst with two successes, a 503, a DNS failure and an unsent request."""

from __future__ import annotations

import numpy as np

from kindgate.load.aggregate import burst_result
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, OK, Rows
from kindgate.load.result import BurstResult, FailureKind, Health

MS = 1_000_000


PLAN = BurstPlan((Route("http://127.0.0.1/", "foo.localhost"),), OpenLoop.constant(10, seconds=1))


ROWS: Rows = np.array(
    [
        (0, 100 * MS, 100 * MS, 104 * MS, 0, 3000, OK, 7200),
        (0, 0, 2 * MS, 12 * MS, 1 * MS, 9000, OK, 7200),
        (0, 200 * MS, 200 * MS, 201 * MS, 0, 900, CODES[FailureKind.HTTP], 9503),
        (0, 300 * MS, 300 * MS, 302 * MS, 0, 0, CODES[FailureKind.DNS], 0),
        (0, 400 * MS, -1, 900 * MS, 0, 0, CODES[FailureKind.UNSENT], 0),
    ],
    np.int64,
)


def mixed_result(rows: Rows = ROWS) -> BurstResult:
    """A result with two successes, a 503, a DNS failure and an unsent request."""
    return burst_result(PLAN, rows, started=1000.0, health=Health())
