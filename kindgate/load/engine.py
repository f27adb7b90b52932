"""Send one generator's share of a burst on schedule, however slow the server, and take three timestamps per request."""

from __future__ import annotations

import contextlib
import gc
import time
from array import array
from collections.abc import Callable, Iterator

import numpy as np
import pycurl

from kindgate.load.curl_multi import MultiTransfers
from kindgate.load.plan import BurstPlan, ClosedLoop
from kindgate.load.raw_samples import CODES, LATE, OK, ROW, SIZE_UNIT, Recorder
from kindgate.load.request import Request, failure_kind
from kindgate.load.result import FailureKind
from kindgate.load.schedule import NANOS, Schedule, endless_routes

SPIN = 60_000
"""The engine polls instead of sleeping for this many nanoseconds before an intended time: select(2) can wake up this late."""

TICK = 50_000_000
"""Nanoseconds between two calls of the tick."""

LONGEST_WAIT = 0.05
"""Longest sleep of the engine in seconds, so ticks stay regular."""

Tick = Callable[[int, int], bool]
"""Called regularly with the nanoseconds since the start and the number of requests in flight; return True to end the burst."""

Begin = Callable[[], int | None]
"""Called when everything is ready; returns the burst's start on the clock of `time.monotonic_ns`, or None to cancel it."""

_NEVER = -1

_STATUS, _WAITING, _SIZE = pycurl.RESPONSE_CODE, pycurl.STARTTRANSFER_TIME_T, pycurl.SIZE_DOWNLOAD_T


class Engine:
    """One burst of one generator.

    `cap` is the maximum number of unanswered requests of this generator. `recorder` holds the rows of requests whose
    outcome is known.
    """

    def __init__(self, plan: BurstPlan, transfers: MultiTransfers, cap: int, tick: Tick) -> None:
        self.recorder = Recorder()
        self._record = self.recorder.data.extend
        self._plan = plan
        self._transfers = transfers
        self._add, self._remove = transfers.add, transfers.remove
        self._cap = cap
        self._start = 0
        self._tick = tick
        self._next_tick = 0
        self._stopped = False
        self._timeout = round(plan.timeout * NANOS)
        self._timeout_ms = max(1, round(plan.timeout * 1000))
        self._pools: list[list[Request]] = [[] for _ in plan.routes]
        self._in_flight: dict[pycurl.Curl, Request] = {}
        self._full_since = _NEVER
        self._freed_at = 0

    def _now(self) -> int:
        return time.monotonic_ns() - self._start

    def run_open(self, schedule: Schedule, begin: Begin) -> bool:
        """Send the schedule; return whether it ran to the end. Ends at most `timeout` after the last intended time."""
        times, routes = array("q", schedule.intended.tobytes()), array("q", schedule.route.tobytes())
        count, index = len(times), 0
        self._preallocate(schedule.route.tolist()[:64])
        with _collection_disabled():
            if not self._begins(begin):
                return False
            while (index < count or self._in_flight) and not self._stopped:
                index = self._send_due(times, routes, index)
                self._turn(self._open_wait(times[index] if index < count else _NEVER))
        if self._stopped:
            self._give_up_overdue(times, routes, index)
        self._abandon()
        return not self._stopped

    def run_closed(self, loop: ClosedLoop, seed: int, begin: Begin) -> bool:
        """Keep `loop.users` requests in flight until the loop ends; return whether it ran to the end."""
        order = endless_routes(self._plan.routes, np.random.default_rng(seed))
        remaining = loop.requests if loop.requests is not None else -1
        end = None if loop.seconds is None else round(loop.seconds * NANOS)
        with _collection_disabled():
            if not self._begins(begin):
                return False
            while not self._stopped:
                now = self._now()
                if end is not None and now >= end:
                    break
                if now >= 0:
                    while remaining and len(self._in_flight) < loop.users:
                        self._send(next(order), now, now, 0)
                        remaining -= 1
                if not remaining and not self._in_flight:
                    break
                self._turn(LONGEST_WAIT if now >= 0 else -now / NANOS)
            while self._in_flight and not self._stopped:
                self._turn(LONGEST_WAIT)
        self._abandon()
        return not self._stopped

    def _begins(self, begin: Begin) -> bool:
        """Wait for the start; return False if the burst is canceled."""
        start = begin()
        if start is None:
            self._abandon()
            return False
        self._start = start
        return True

    def _send_due(self, times: array[int], routes: array[int], index: int) -> int:
        """Send what is due and has a slot; return the index of the first request not handled yet."""
        while index < len(times):
            due, now = times[index], self._now()
            if due > now:
                break
            if now - due >= self._timeout:
                self._give_up(routes[index], due, now)
            elif len(self._in_flight) >= self._cap:
                return index
            else:
                held = self._freed_at - max(due, self._full_since) if self._full_since != _NEVER else 0
                self._send(routes[index], due, now, max(0, held))
            index += 1
        if len(self._in_flight) < self._cap:
            self._full_since = _NEVER
        return index

    def _open_wait(self, due: int) -> float:
        """Seconds to sleep until the request at `due` (-1: none is left) needs attention."""
        if due == _NEVER:
            return LONGEST_WAIT
        if len(self._in_flight) >= self._cap:
            due += self._timeout
        return min(LONGEST_WAIT, max(0, due - SPIN - self._now()) / NANOS)

    def _turn(self, wait: float) -> None:
        """Sleep until there is news, at most `wait` seconds; record what has ended."""
        has_news = self._transfers.drive(wait)
        now = self._now()
        if has_news:
            answered, failed = self._transfers.finished()
            if (answered or failed) and len(self._in_flight) >= self._cap:
                self._freed_at = now
            for handle in answered:
                self._record_answer(self._in_flight.pop(handle), now)
            for handle, error, _ in failed:
                self._record_failure(self._in_flight.pop(handle), error, now)
        if now >= self._next_tick:
            self._next_tick = now + TICK
            self._stopped = self._tick(now, len(self._in_flight))

    def _send(self, route: int, due: int, now: int, held: int) -> None:
        pool = self._pools[route]
        request = pool.pop() if pool else Request(self._plan, route, self._transfers.on_socket)
        request.intended, request.sent, request.cap_wait = due, now, held
        used_ms = (now - due) // 1_000_000
        request.prepare(max(1, self._timeout_ms - used_ms))
        self._add(request.handle)
        self._in_flight[request.handle] = request
        if len(self._in_flight) >= self._cap and self._full_since == _NEVER:
            self._full_since = now

    def _record_answer(self, request: Request, now: int) -> None:
        getinfo = request.getinfo
        status = getinfo(_STATUS)
        failure = FailureKind.HTTP if status >= 400 else request.body_failure() if request.check else None
        if request.attempts > 1 and request.attempts > 1 + getinfo(pycurl.REDIRECT_COUNT):
            failure = failure or FailureKind.RETRIED
        outcome = CODES[failure] if failure else OK
        size = getinfo(_SIZE) * SIZE_UNIT + status
        self._record(ROW(request.route, request.intended, request.sent, now, request.cap_wait, getinfo(_WAITING), outcome, size))
        self._free(request)

    def _record_failure(self, request: Request, error: int, now: int) -> None:
        kind = failure_kind(error, request.getinfo(pycurl.OS_ERRNO))
        sent, outcome = (request.sent, CODES[kind]) if kind else (-1, LATE)
        self._record(ROW(request.route, request.intended, sent, now, request.cap_wait, 0, outcome, 0))
        self._free(request)

    def _free(self, request: Request) -> None:
        self._remove(request.handle)
        self._pools[request.route].append(request)

    def _give_up(self, route: int, due: int, now: int) -> None:
        """Record a request that ran out of time before it was sent: caused by the cap if the cap is full, otherwise by the generator."""
        outcome = LATE if self._full_since == _NEVER else CODES[FailureKind.UNSENT]
        self._record(ROW(route, due, -1, now, 0, 0, outcome, 0))

    def _give_up_overdue(self, times: array[int], routes: array[int], index: int) -> None:
        """Record requests that were due but unsent when the burst ended early."""
        now = self._now()
        while index < len(times) and times[index] <= now:
            self._give_up(routes[index], times[index], now)
            index += 1

    def _preallocate(self, routes: list[int]) -> None:
        """Create requests before they are needed: each takes tens of microseconds."""
        for route in routes:
            self._pools[route].append(Request(self._plan, route, self._transfers.on_socket))

    def _abandon(self) -> None:
        """Record what is still in flight (only if the burst ended early) as unanswered, and close every handle."""
        now, unanswered = self._now(), CODES[FailureKind.UNANSWERED]
        for request in self._in_flight.values():
            self._record(ROW(request.route, request.intended, request.sent, now, request.cap_wait, 0, unanswered, 0))
            self._remove(request.handle)
            request.handle.close()
        self._in_flight.clear()
        for pool in self._pools:
            for request in pool:
                request.handle.close()
            pool.clear()


@contextlib.contextmanager
def _collection_disabled() -> Iterator[None]:
    """Disable garbage collection, which would delay requests."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
