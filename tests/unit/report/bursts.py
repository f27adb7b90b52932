"""Bursts built from raw rows, as the load engine measures them, with every possible request outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from kindgate.load.aggregate import burst_result
from kindgate.load.expectation import Expectation
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, OK, SIZE_UNIT, Column, Rows
from kindgate.load.result import BurstResult, FailureKind, Health

MS = 1_000_000
"""Nanoseconds per millisecond."""

ROUTES = (
    Route("http://127.0.0.1/", host="foo.localhost", name="foo.localhost"),
    Route("http://127.0.0.1/", host="bar.localhost", name="bar.localhost", expect=Expectation(substring="bar")),
)
FATES = (OK, LATE, *CODES.values())


def measured_burst(
    number: int,
    *,
    median: float = 20.0,
    spread: float = 0.1,
    failing: float = 0.0,
    size: int = 400,
    arms: Literal["", "duet", "abba"] = "",
    slower: float = 1.0,
    steal: float = 0.0,
    lag: float = 0.05,
    seed: int = 0,
    start: int = 0,
    rate: float = 200,
) -> BurstResult:
    """Build burst `number` (after `start` earlier ones) of a run at `rate` requests per second: lognormal times, median about `median` ms.

    `spread` is the SD of log times between bursts, `failing` the share of requests with any other outcome, and `lag` how late
    requests are sent (ms). With `arms`, the routes are two versions and the pull request's is `slower` times as slow; with
    `abba`, each burst exercises one of them.
    """
    rng = np.random.default_rng([seed, number])
    seconds = size / rate
    routes = tuple(replace(route, arm=arm) for route, arm in zip(ROUTES, ("head", "base"), strict=True)) if arms else ROUTES
    plan = BurstPlan(routes, OpenLoop.constant(rate, seconds=seconds), seed=number)
    rows: Rows = np.zeros((size, len(Column)), np.int64)
    rows[:, Column.ROUTE] = (number % 4 in {0, 3}) if arms == "abba" else rng.permutation(np.arange(size) % 2)
    rows[:, Column.INTENDED] = np.sort(rng.integers(0, int(seconds * 1000), size)) * MS
    times = median * np.exp(rng.normal(0, spread) + rng.normal(0, 0.3, size))
    times[rows[:, Column.ROUTE] == 0] *= slower  # the pull request's
    rows[:, Column.SENT] = rows[:, Column.INTENDED] + int(lag * MS)
    rows[:, Column.DONE] = rows[:, Column.SENT] + (times * MS).astype(np.int64)
    rows[:, Column.WAITING] = (times * 900).astype(np.int64)
    rows[:, Column.OUTCOME] = np.where(rng.random(size) < failing, rng.choice(FATES, size), OK)
    rows[np.isin(rows[:, Column.OUTCOME], [LATE, CODES[FailureKind.UNSENT]]), Column.SENT] = -1
    rows[:, Column.STATUS_AND_SIZE] = 7 * SIZE_UNIT + np.where(rows[:, Column.OUTCOME] == CODES[FailureKind.HTTP], 503, 200)
    return burst_result(
        plan, rows, started=1_790_000_000.0 + 5 * (start + number), health=Health(cpu_share=0.1, steal=steal, foreign=0.04, pressure=0.25)
    )


SHOP_ROUTES = ("checkout", "search")


def shop_burst(
    number: int,
    *,
    slower: float = 1.0,
    median: float = 20.0,
    size: int = 400,
    failing: float = 0.0,
    seed: int = 0,
    routes: Sequence[str] = SHOP_ROUTES,
) -> BurstResult:
    """Build a duet burst of `routes`, of which the pull request's first one is `slower` times as slow.

    `failing` is the share of the pull request's requests that lose their connection.
    """
    rng = np.random.default_rng([seed, number])
    planned = tuple(Route("http://127.0.0.1/", host=f"{arm}.localhost", name=name, arm=arm) for name in routes for arm in ("head", "base"))
    rows: Rows = np.zeros((size, len(Column)), np.int64)
    rows[:, Column.ROUTE] = rng.permutation(np.arange(size) % len(planned))
    rows[:, Column.INTENDED] = np.sort(rng.integers(0, 2000, size)) * MS
    times = median * np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.3, size))
    times[rows[:, Column.ROUTE] == 0] *= slower
    rows[:, Column.SENT] = rows[:, Column.INTENDED]
    rows[:, Column.DONE] = rows[:, Column.SENT] + (times * MS).astype(np.int64)
    rows[:, Column.OUTCOME] = np.where((rng.random(size) < failing) & (rows[:, Column.ROUTE] % 2 == 0), CODES[FailureKind.RESET], OK)
    rows[:, Column.STATUS_AND_SIZE] = 200
    plan = BurstPlan(planned, OpenLoop.constant(size / 2, seconds=2.0), seed=number)
    return burst_result(plan, rows, started=1_790_000_000.0 + 5 * number, health=Health(cpu_share=0.1))
