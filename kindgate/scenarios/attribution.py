"""Attribute the requests of an episode to its phases, routes and seconds, by their intended times. Pure.

Requests that the generator could not send are its own fault: they are counted apart, and belong to no phase.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kindgate.load.plan import BurstPlan
from kindgate.load.raw_samples import CODES, LATE, OK, Column, Rows
from kindgate.load.result import FailureKind
from kindgate.load.schedule import NANOS
from kindgate.slo.episode import EpisodeSlot, Marks, Phase, PhaseFigures, Requests, RouteFigures

SLOT_SECONDS: Final = 1.0

_FAILED: Final = [CODES[FailureKind.HTTP], CODES[FailureKind.CHECK]]


def sendable(rows: Rows) -> Rows:
    """The requests that the generator could send, in the order of their intended times."""
    kept = rows[rows[:, Column.OUTCOME] != LATE]
    ordered: Rows = kept[kept[:, Column.INTENDED].argsort(kind="stable")]
    return ordered


def count_requests(rows: Rows) -> Requests:
    """The requests in `rows`, by what became of them."""
    outcome = rows[:, Column.OUTCOME]
    failed = int(np.isin(outcome, _FAILED).sum())
    twice = int((outcome == CODES[FailureKind.RETRIED]).sum())
    lost = int((outcome != OK).sum())
    return Requests(scheduled=len(rows), failed=failed, unanswered=lost - failed - twice, sent_twice=twice)


def phase_figures(rows: Rows, marks: Marks) -> tuple[PhaseFigures, ...]:
    """The figures of every phase, in order; without recovery, the last one is empty. `rows` are those of `sendable`."""
    recovered = marks.finished if marks.recovered is None else marks.recovered
    edges = (0.0, marks.began, marks.ended, recovered, marks.finished)
    parts = _divided(rows, edges[1:-1])
    return tuple(
        PhaseFigures(phase, edges[index + 1] - edges[index], count_requests(part), p95(part))
        for index, (phase, part) in enumerate(zip(Phase, parts, strict=True))
    )


def slots(rows: Rows, finished: float) -> tuple[EpisodeSlot, ...]:
    """Every second until `finished`; the last one can be shorter. `rows` are those of `sendable`."""
    starts = [index * SLOT_SECONDS for index in range(max(1, math.ceil(finished / SLOT_SECONDS)))]
    parts = _divided(rows, starts[1:])
    return tuple(EpisodeSlot(start, count_requests(part), p95(part)) for start, part in zip(starts, parts, strict=True))


def route_figures(rows: Rows, plan: BurstPlan, finished: float) -> tuple[RouteFigures, ...]:
    """The figures of every route of the plan that was to be sent; routes with equal labels are one. `rows` are those of `sendable`."""
    return tuple(RouteFigures(label, count_requests(part), _outage(part, finished)) for label, part in _by_route(rows, plan))


def first_success(rows: Rows, plan: BurstPlan, finished: float) -> float:
    """Milliseconds from a route's first lost request to its next correct answer, for the route that took longest; 0 without losses.

    The answer must be to a request intended after the lost one. A route that gave none until `finished` counts until then.
    `rows` are those of `sendable`.
    """
    return max((_until_success(part, finished) for _, part in _by_route(rows, plan)), default=0.0)


def p95(rows: Rows) -> float | None:
    """The 95th percentile of the response times of correct answers in milliseconds; None without any."""
    good = rows[rows[:, Column.OUTCOME] == OK]
    response = good[:, Column.DONE] - good[:, Column.INTENDED]
    return float(np.percentile(response, 95)) / 1e6 if len(response) else None


def _divided(rows: Rows, edges: Sequence[float]) -> list[Rows]:
    """The rows before the first of the ascending `edges` (in seconds), those between each two, and those from the last one on."""
    intended = rows[:, Column.INTENDED]
    return np.split(rows, np.searchsorted(intended, np.rint(np.array(edges, np.float64) * NANOS).astype(np.int64)))


def _by_route(rows: Rows, plan: BurstPlan) -> Iterator[tuple[str, Rows]]:
    """The rows of each route that was to be sent, by label."""
    steps = {step.route for journey in plan.journeys if journey.weight for step in journey.steps}
    indexes: dict[str, list[int]] = {}
    for index, route in enumerate(plan.routes):
        if route.weight or index in steps:
            indexes.setdefault(route.label, []).append(index)
    for label, own in indexes.items():
        yield label, rows[np.isin(rows[:, Column.ROUTE], own)]


def _outage(rows: Rows, finished: float) -> float:
    """Seconds of the longest stretch of neighboring lost requests of one route, at least the average interval between requests."""
    lost = rows[:, Column.OUTCOME] != OK
    if not lost.any():
        return 0.0
    first, last = _stretches(lost)
    intended = rows[:, Column.INTENDED]
    longest = int((intended[last] - intended[first]).max()) / NANOS
    return max(longest, finished / len(rows))


def _stretches(lost: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indexes of the first and the last element of each stretch of neighboring True values."""
    edges = np.diff(np.concatenate([[False], lost, [False]]).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def _until_success(rows: Rows, finished: float) -> float:
    lost = np.flatnonzero(rows[:, Column.OUTCOME] != OK)
    if not len(lost):
        return 0.0
    since = int(rows[lost[0], Column.INTENDED])
    later = rows[lost[0] + 1 :]
    good = later[later[:, Column.OUTCOME] == OK]
    until = int(good[:, Column.DONE].min()) if len(good) else max(since, round(finished * NANOS))
    return (until - since) / 1e6
