"""Compute a burst's result from the raw rows of all generators. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kindgate.histogram import Histogram
from kindgate.load.journey import Journey
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, NO_ROWS, OK, SIZE_UNIT, Column, Rows
from kindgate.load.result import SLOT_SECONDS, BurstResult, FailureKind, Health, Series, SeriesKey, Slot
from kindgate.load.schedule import NANOS
from kindgate.load.workload_usage import WorkloadUsage
from kindgate.model import Window

_SLOT: Final = round(SLOT_SECONDS * NANOS)
_ANSWERED: Final = {FailureKind.HTTP, FailureKind.CHECK, FailureKind.RETRIED}
_UNANSWERED: Final = [CODES[kind] for kind in FailureKind if kind not in _ANSWERED]


def burst_result(
    plan: BurstPlan,
    rows: Rows,
    *,
    started: float,
    health: Health,
    connections: int = 0,
    interrupted: bool = False,
    missing: float = 0.0,
    usage: tuple[WorkloadUsage, ...] = (),
    journeys: Rows = NO_ROWS,
    followed: Sequence[int] = (),
    finished: float | None = None,
) -> BurstResult:
    """The result of the requests in `rows` and of `journeys`, recorded by a burst that began at `started` (seconds since the epoch).

    `followed` is the number of redirects followed for each of the plan's routes. `finished` is the time in seconds after the
    start at which an open loop was ended by request, before the end of its plan.
    """
    sent = rows[rows[:, Column.SENT] >= 0]
    ended = int(rows[:, Column.DONE].max()) / NANOS if len(rows) else 0.0
    send_lag = sent[:, Column.SENT] - sent[:, Column.INTENDED]
    return BurstResult(
        plan=plan,
        window=Window(started, started + ended),
        seconds=_sending_seconds(plan, sent, finished, interrupted=interrupted),
        series=_all_series(plan, rows, followed),
        loop_lag=_micros(send_lag - sent[:, Column.CAP_WAIT]),
        cap_wait=_micros(sent[:, Column.CAP_WAIT]),
        send_lag=_micros(send_lag),
        timeline=_timeline(rows),
        health=health,
        late=int((rows[:, Column.OUTCOME] == LATE).sum()),
        missing=missing,
        connections=connections,
        interrupted=interrupted,
        usage=usage,
        journeys=_all_journeys(plan, journeys),
    )


def _all_series(plan: BurstPlan, rows: Rows, followed: Sequence[int]) -> tuple[Series, ...]:
    """One series per route that was to be sent; routes with equal names and tags are one."""
    steps = {step.route for journey in plan.journeys if journey.weight for step in journey.steps}
    series: dict[SeriesKey, Series] = {}
    for index, route in enumerate(plan.routes):
        if route.weight or index in steps:
            own = _series(route, rows[rows[:, Column.ROUTE] == index], followed[index] if followed else 0)
            series[own.key] = Series.merged((series[own.key], own)) if own.key in series else own
    return tuple(series.values())


def _all_journeys(plan: BurstPlan, rows: Rows) -> tuple[JourneySeries, ...]:
    numbered = [(index, journey) for index, journey in enumerate(plan.journeys) if journey.weight]
    return tuple(_journey(journey, rows[rows[:, Column.ROUTE] == index]) for index, journey in numbered)


def _journey(journey: Journey, rows: Rows) -> JourneySeries:
    outcome = rows[:, Column.OUTCOME]
    good = outcome == OK
    return JourneySeries(
        journey=journey.name,
        arm=journey.arm,
        tags=journey.tags,
        scheduled=len(rows),
        started=int((rows[:, Column.SENT] >= 0).sum()),
        completed=int(good.sum()),
        failed=int((outcome > OK).sum()),
        duration=_micros(rows[good, Column.DONE] - rows[good, Column.INTENDED]),
    )


def _micros(nanos: NDArray[np.int64]) -> Histogram:
    return Histogram.of(np.maximum(nanos, 0) // 1000)


def _sending_seconds(plan: BurstPlan, sent: Rows, finished: float | None, *, interrupted: bool) -> float:
    """The period used for rates: as planned or finished, longer if requests went out late, shorter if the burst was interrupted."""
    last = int(sent[:, Column.SENT].max()) / NANOS if len(sent) else 0.0
    if interrupted or not isinstance(plan.loop, OpenLoop):
        return last if interrupted or plan.loop.seconds is None else max(last, plan.loop.seconds)
    return max(last, plan.loop.seconds if finished is None else min(finished, plan.loop.seconds))


def _counted(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Each value with its number of occurrences, ascending."""
    distinct, counts = np.unique(values, return_counts=True)
    return list(zip(distinct.tolist(), counts.tolist(), strict=True))


def _series(route: Route, rows: Rows, followed: int) -> Series:
    outcome = rows[:, Column.OUTCOME]
    sent = rows[:, Column.SENT] >= 0
    status = rows[:, Column.STATUS_AND_SIZE] % SIZE_UNIT
    answered = sent & ~np.isin(outcome, _UNANSWERED) & (status > 0)  # bytes that are no HTTP response have no status
    good = outcome == OK
    response = rows[:, Column.DONE] - rows[:, Column.INTENDED]
    kinds = {code: kind for kind, code in CODES.items()}
    checked = rows[answered & (outcome != CODES[FailureKind.HTTP])] if route.expect or route.extract else rows[:0]
    return Series(
        route=route.label,
        host=route.host,
        arm=route.arm,
        method=route.method,
        scheduled=len(rows),
        sent=int(sent.sum()),
        completed=int(good.sum()),
        response=_micros(response[good]),
        failed_response=_micros(response[sent & ~good]),
        waiting=Histogram.of(rows[answered, Column.WAITING]),
        service=_micros(rows[answered, Column.DONE] - rows[answered, Column.SENT]),
        failed={kinds[code]: count for code, count in _counted(outcome[outcome > OK])},
        status=dict(_counted(status[answered])),
        checks_passed=int((checked[:, Column.OUTCOME] != CODES[FailureKind.CHECK]).sum()),
        checks_failed=int((checked[:, Column.OUTCOME] == CODES[FailureKind.CHECK]).sum()),
        bytes_received=int((rows[:, Column.STATUS_AND_SIZE] // SIZE_UNIT).sum()),
        redirects_followed=followed,
        journey=route.journey,
        tags=route.tags,
    )


def _timeline(rows: Rows) -> tuple[Slot, ...]:
    """Every slot from the start to the last event."""
    if not len(rows):
        return ()
    size = int(rows[:, Column.DONE].max()) // _SLOT + 1
    sent = rows[rows[:, Column.SENT] >= 0]
    good = rows[rows[:, Column.OUTCOME] == OK]
    started = np.bincount(sent[:, Column.SENT] // _SLOT, minlength=size)
    ended = np.bincount(sent[:, Column.DONE] // _SLOT, minlength=size)
    answered = np.bincount(good[:, Column.DONE] // _SLOT, minlength=size)
    failed = np.bincount(rows[rows[:, Column.OUTCOME] != OK, Column.DONE] // _SLOT, minlength=size)
    in_flight = np.cumsum(started - ended)
    order = np.argsort(good[:, Column.INTENDED], kind="stable")
    edges = np.searchsorted(good[order, Column.INTENDED], np.arange(1, size) * _SLOT)
    parts = np.split((good[order, Column.DONE] - good[order, Column.INTENDED]), edges)
    return tuple(
        Slot(
            start=round(slot * SLOT_SECONDS, 6),
            sent=int(started[slot]),
            answered=int(answered[slot]),
            failed=int(failed[slot]),
            in_flight=int(in_flight[slot]),
            response=_micros(parts[slot]),
        )
        for slot in range(size)
    )
