"""Sends one generator's share of a burst, on time whatever the server does, and takes three moments of every request."""

from __future__ import annotations

import contextlib
import gc
import time
from array import array
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import pycurl

from kindgate.load.failures import failure_kind
from kindgate.load.plan import BurstPlan, ClosedLoop
from kindgate.load.request import Request
from kindgate.load.result import FailureKind
from kindgate.load.samples import CODES, LATE, OK, SIZE_UNIT, Recorder
from kindgate.load.schedule import NANOS, Schedule, route_blocks
from kindgate.load.transfers import Transfers

SPIN = 60_000
"""Nanoseconds before an intended time from which the engine polls instead of sleeping: select(2) wakes up so late."""

TICK = 50_000_000
"""Nanoseconds between two calls of a burst's tick."""

LONGEST_WAIT = 0.05
"""Seconds that the engine sleeps at most, so that ticks come."""

Tick = Callable[[int, int], bool]
"""Called now and then with the time since the start in nanoseconds and the requests in flight; True ends the burst."""

_NEVER = -1


class Engine:
    """One burst of one generator.

    `start` is the burst's start on the clock of `time.monotonic_ns`; `cap` is how many requests this generator may
    have unanswered at a time. Rows of requests whose fate became known are in `recorder`.
    """

    def __init__(self, plan: BurstPlan, transfers: Transfers, cap: int, start: int, tick: Tick) -> None:
        self.recorder = Recorder()
        self._plan = plan
        self._transfers = transfers
        self._cap = cap
        self._start = start
        self._tick = tick
        self._next_tick = 0
        self._stopped = False
        self._timeout = round(plan.timeout * NANOS)
        self._timeout_ms = max(1, round(plan.timeout * 1000))
        self._pools: list[list[Request]] = [[] for _ in plan.routes]
        self._in_flight: set[Request] = set()
        self._full_since = _NEVER
        self._freed_at = 0

    def _now(self) -> int:
        return time.monotonic_ns() - self._start

    def run_open(self, schedule: Schedule) -> bool:
        """Send the schedule; whether all of it was run, and not stopped early. Ends at most `timeout` after its last time."""
        times, routes = array("q", schedule.intended.tobytes()), array("q", schedule.route.tobytes())
        count, place = len(times), 0
        self._make_ready(schedule.route.tolist()[:64])
        with _undisturbed():
            while (place < count or self._in_flight) and not self._stopped:
                place = self._send_due(times, routes, place)
                self._turn(self._open_wait(times[place] if place < count else _NEVER))
        self._abandon()
        return not self._stopped

    def run_closed(self, loop: ClosedLoop, seed: int) -> bool:
        """Keep `loop.users` requests in flight until the loop's end; whether it was not stopped early."""
        order = chain.from_iterable(block.tolist() for block in route_blocks(self._plan.routes, np.random.default_rng(seed)))
        left = loop.requests if loop.requests is not None else -1
        end = None if loop.seconds is None else round(loop.seconds * NANOS)
        with _undisturbed():
            while not self._stopped:
                now = self._now()
                if end is not None and now >= end:
                    break
                if now >= 0:
                    while left and len(self._in_flight) < loop.users:
                        self._send(next(order), now, now, 0)
                        left -= 1
                if not left and not self._in_flight:
                    break
                self._turn(LONGEST_WAIT if now >= 0 else -now / NANOS)
            while self._in_flight and not self._stopped:
                self._turn(LONGEST_WAIT)
        self._abandon()
        return not self._stopped

    def _send_due(self, times: array[int], routes: array[int], place: int) -> int:
        """Send what is due and has a slot; the place of the first request that is left."""
        while place < len(times):
            due, now = times[place], self._now()
            if due > now:
                break
            if now - due >= self._timeout:
                self._give_up(routes[place], due, now)
            elif len(self._in_flight) >= self._cap:
                return place
            else:
                held = self._freed_at - max(due, self._full_since) if self._full_since != _NEVER else 0
                self._send(routes[place], due, now, max(0, held))
            place += 1
        if len(self._in_flight) < self._cap:
            self._full_since = _NEVER
        return place

    def _open_wait(self, due: int) -> float:
        """Seconds to sleep before the request at `due` (-1: there is none left) needs attention."""
        if due == _NEVER:
            return LONGEST_WAIT
        if len(self._in_flight) >= self._cap:
            due += self._timeout
        return min(LONGEST_WAIT, max(0, due - SPIN - self._now()) / NANOS)

    def _turn(self, wait: float) -> None:
        """Sleep until there is news, at most `wait` seconds; record what has ended."""
        ended = self._transfers.finished() if self._transfers.drive(wait) else []
        now = self._now()
        if ended:
            if len(self._in_flight) >= self._cap:
                self._freed_at = now
            for request, error in ended:
                self._record(request, error, now)
        if now >= self._next_tick:
            self._next_tick = now + TICK
            self._stopped = self._tick(now, len(self._in_flight))

    def _send(self, route: int, due: int, now: int, held: int) -> None:
        pool = self._pools[route]
        request = pool.pop() if pool else Request(self._plan, route, self._transfers.on_socket)
        request.intended, request.sent, request.cap_wait = due, now, held
        used_ms = (now - due) // 1_000_000
        request.prepare(max(1, self._timeout_ms - used_ms))
        self._transfers.add(request)
        self._in_flight.add(request)
        if len(self._in_flight) >= self._cap and self._full_since == _NEVER:
            self._full_since = now

    def _record(self, request: Request, error: int, now: int) -> None:
        self._in_flight.discard(request)
        status, waiting, size, outcome, sent = 0, 0, 0, OK, request.sent
        if error:
            kind = failure_kind(error, int(request.getinfo(pycurl.OS_ERRNO)))
            outcome = CODES[kind] if kind else LATE
            sent = request.sent if kind else -1
        else:
            status, wrong = request.answer()
            waiting = int(request.getinfo(pycurl.STARTTRANSFER_TIME_T))
            size = int(request.getinfo(pycurl.SIZE_DOWNLOAD_T))
            outcome = CODES[wrong] if wrong else OK
        self.recorder.numbers.extend(
            (request.route, request.intended, sent, now, request.cap_wait, waiting, outcome, size * SIZE_UNIT + status)
        )
        self._transfers.remove(request)
        self._pools[request.route].append(request)

    def _give_up(self, route: int, due: int, now: int) -> None:
        """A request whose time ran out before it was sent: the cap's doing if the cap is full, else the generator's."""
        outcome = LATE if self._full_since == _NEVER else CODES[FailureKind.UNSENT]
        self.recorder.numbers.extend((route, due, -1, now, 0, 0, outcome, 0))

    def _make_ready(self, routes: list[int]) -> None:
        """Set up requests before they are needed: each takes tens of microseconds."""
        for route in routes:
            self._pools[route].append(Request(self._plan, route, self._transfers.on_socket))

    def _abandon(self) -> None:
        """Take back what is still in flight, and close every handle."""
        for request in self._in_flight:
            self._transfers.remove(request)
            request.close()
        self._in_flight.clear()
        for pool in self._pools:
            for request in pool:
                request.close()
            pool.clear()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection inside: it would make requests late."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
