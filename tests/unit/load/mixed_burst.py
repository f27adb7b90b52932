"""Rows and the result of a burst with two successes, a 503, a DNS failure and an unsent request."""

from __future__ import annotations

import numpy as np

from kindgate.load.aggregate import burst_result
from kindgate.load.journey import Journey, Step
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


def journey_result() -> BurstResult:
    """A result with a journey that took 250 ms, one whose step failed, and one that was never started; their steps are `ROWS`."""
    steps = (Route("http://127.0.0.1/", "foo.localhost", name="cart", weight=0, journey="buy", tags=(("team", "shop"),)),)
    plan = BurstPlan(steps, OpenLoop.constant(10, seconds=1), journeys=(Journey("buy", (Step(0),), tags=(("group", "g"),)),))
    journeys: Rows = np.array(
        [
            (0, 100 * MS, 110 * MS, 350 * MS, 0, 0, OK, 0),
            (0, 200 * MS, 210 * MS, 400 * MS, 0, 0, CODES[FailureKind.HTTP], 0),
            (0, 300 * MS, -1, 900 * MS, 0, 0, CODES[FailureKind.UNSENT], 0),
        ],
        np.int64,
    )
    return burst_result(plan, ROWS, started=1000.0, health=Health(), journeys=journeys)


def mixed_result(rows: Rows = ROWS) -> BurstResult:
    """A result with two successes, a 503, a DNS failure and an unsent request."""
    return burst_result(PLAN, rows, started=1000.0, health=Health())
