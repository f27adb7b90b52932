"""Compute a burst's result from the raw rows of all generators. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kindgate.histogram import Histogram
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, OK, SIZE_UNIT, Column, Rows
from kindgate.load.result import SLOT_SECONDS, BurstResult, FailureKind, Health, Series, Slot
from kindgate.load.schedule import NANOS
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
) -> BurstResult:
    """The result of `rows`, recorded by a burst that began at `started` (seconds since the epoch)."""
    sent = rows[rows[:, Column.SENT] >= 0]
    ended = int(rows[:, Column.DONE].max()) / NANOS if len(rows) else 0.0
    send_lag = sent[:, Column.SENT] - sent[:, Column.INTENDED]
    return BurstResult(
        plan=plan,
        window=Window(started, started + ended),
        seconds=_sending_seconds(plan, sent, interrupted=interrupted),
        series=tuple(_series(route, rows[rows[:, Column.ROUTE] == index]) for index, route in enumerate(plan.routes)),
        loop_lag=_micros(send_lag - sent[:, Column.CAP_WAIT]),
        cap_wait=_micros(sent[:, Column.CAP_WAIT]),
        send_lag=_micros(send_lag),
        timeline=_timeline(rows),
        health=health,
        late=int((rows[:, Column.OUTCOME] == LATE).sum()),
        missing=missing,
        connections=connections,
        interrupted=interrupted,
    )


def _micros(nanos: NDArray[np.int64]) -> Histogram:
    return Histogram.of(np.maximum(nanos, 0) // 1000)


def _sending_seconds(plan: BurstPlan, sent: Rows, *, interrupted: bool) -> float:
    """The period used for rates: as planned, longer if requests went out late, shorter if the burst was interrupted."""
    last = int(sent[:, Column.SENT].max()) / NANOS if len(sent) else 0.0
    if interrupted or not isinstance(plan.loop, OpenLoop):
        return last if interrupted or plan.loop.seconds is None else max(last, plan.loop.seconds)
    return max(last, plan.loop.seconds)


def _counted(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Each value with its number of occurrences, ascending."""
    distinct, counts = np.unique(values, return_counts=True)
    return list(zip(distinct.tolist(), counts.tolist(), strict=True))


def _series(route: Route, rows: Rows) -> Series:
    outcome = rows[:, Column.OUTCOME]
    sent = rows[:, Column.SENT] >= 0
    status = rows[:, Column.STATUS_AND_SIZE] % SIZE_UNIT
    answered = sent & ~np.isin(outcome, _UNANSWERED) & (status > 0)  # bytes that are no HTTP response have no status
    good = outcome == OK
    response = rows[:, Column.DONE] - rows[:, Column.INTENDED]
    kinds = {code: kind for kind, code in CODES.items()}
    checked = rows[answered & (outcome != CODES[FailureKind.HTTP])] if route.check else rows[:0]
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
