"""Send one generator's share of a burst on schedule, however slow the server, and take three timestamps per request."""

from __future__ import annotations

import contextlib
import gc
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pycurl

from kindgate.load.body_samples import BodySample, BodySampler
from kindgate.load.curl_multi import MultiTransfers
from kindgate.load.failure_kinds import failure_kind
from kindgate.load.plan import BurstPlan, ClosedLoop
from kindgate.load.raw_samples import CODES, LATE, OK, ROW, SIZE_UNIT, Recorder
from kindgate.load.request import Request
from kindgate.load.result import FailureKind
from kindgate.load.schedule import NANOS, Schedule, endless_entries
from kindgate.load.streams import EntryValues

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

NEVER = -1
"""A time that has not come."""

_STATUS, _WAITING, _SIZE = pycurl.RESPONSE_CODE, pycurl.STARTTRANSFER_TIME_T, pycurl.SIZE_DOWNLOAD_T


class Engine:
    """One burst of one generator, of requests that do not follow each other.

    `cap` is the maximum number of unanswered requests of this generator. `recorder` holds the rows of requests whose
    outcome is known, `samples` the bodies kept for JSON schemas, `followed` the number of redirects followed per route.
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
        self._timeouts = [round((route.timeout or plan.timeout) * NANOS) for route in plan.routes]
        self._pools: list[list[Request]] = [[] for _ in plan.routes]
        self.followed = [0] * len(plan.routes)
        self.samples: list[BodySample] = []
        self._samplers = [self._sampler(route) for route in range(len(plan.routes))]
        self._values: Sequence[EntryValues] = ()
        self._times, self._next, self._numbers = array("q"), 0, array("q")
        self._in_flight: dict[pycurl.Curl, Request] = {}
        self._full_since = NEVER
        self._freed_at = 0

    @property
    def _paused(self) -> bool:
        """Whether more requests will come due after those of the schedule."""
        return False

    def _now(self) -> int:
        return time.monotonic_ns() - self._start

    def finish(self, at: int) -> None:
        """Drop the requests of an open loop that are due at or after `at` on the clock of `time.monotonic_ns`, unless already sent.

        The loop then runs to its end as if they had never been planned.
        """
        del self._times[bisect_left(self._times, at - self._start) :]

    def settled(self, now: int) -> int:
        """The time in nanoseconds before which the outcome of every due request of an open loop is recorded, at most `now`."""
        due = self._times[self._next] if self._next < len(self._times) else now
        return min(now, due, min((request.intended for request in self._in_flight.values()), default=now))

    def run_open(self, schedule: Schedule, begin: Begin, values: Sequence[EntryValues] = ()) -> bool:
        """Send the schedule, filled with the `values` of its entries; return whether it ran to the end.

        Ends when every request has succeeded or failed.
        """
        times, entries = array("q", schedule.intended.tobytes()), array("q", schedule.route.tobytes())
        self._times, self._values, self._numbers = times, values, array("q", schedule.number.tobytes())
        index = 0
        self._preallocate(schedule.route.tolist()[:64])
        with _collection_disabled():
            if not self._begins(begin):
                return False
            while (index < len(times) or self._in_flight or self._paused) and not self._stopped:
                index = self._next = self._send_due(times, entries, index)
                self._turn(self._open_wait(times, entries, index))
        if self._stopped:
            self._give_up_overdue(times, entries, index)
        self._abandon()
        return not self._stopped

    def run_closed(self, loop: ClosedLoop, seed: int, begin: Begin) -> bool:
        """Keep `loop.users` requests in flight until the loop ends; return whether it ran to the end."""
        order = endless_entries(self._plan.routes, np.random.default_rng(seed))
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
                        self._send(next(order), now, now, 0, 0)
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

    def _send_due(self, times: array[int], entries: array[int], index: int) -> int:
        """Send what is due and has a slot; return the index of the first request not handled yet."""
        while index < len(times):
            due, now = times[index], self._now()
            if due > now:
                break
            if now - due >= self._timeouts[entries[index]]:
                self._give_up(entries[index], due, now)
            elif len(self._in_flight) >= self._cap:
                return index
            else:
                self._send(entries[index], due, now, self._held(due), index)
            index += 1
        if len(self._in_flight) < self._cap:
            self._full_since = NEVER
        return index

    def _held(self, due: int) -> int:
        """Nanoseconds for which a request that is due at `due` and sent now waited for a slot."""
        return max(0, self._freed_at - max(due, self._full_since)) if self._full_since != NEVER else 0

    def _open_wait(self, times: array[int], entries: array[int], index: int) -> float:
        """Seconds to sleep until the next request of the schedule needs attention."""
        if index >= len(times):
            return LONGEST_WAIT
        due = times[index]
        if len(self._in_flight) >= self._cap:
            due += self._timeouts[entries[index]]
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

    def _send(self, entry: int, due: int, now: int, held: int, index: int) -> None:
        """Send the request of an entry, which is request `index` of the schedule."""
        pool = self._pools[entry]
        request = pool.pop() if pool else self._new_request(entry)
        if request.varies:
            request.fill(self._values[entry].at(self._numbers[index]))
        self._submit(request, due, now, held)

    def _new_request(self, route: int) -> Request:
        return Request(self._plan, route, self._transfers.on_socket, self._samplers[route])

    def _submit(self, request: Request, due: int, now: int, held: int) -> None:
        request.intended, request.sent, request.cap_wait = due, now, held
        used_ms = (now - due) // 1_000_000
        request.prepare(max(1, request.limit_ms - used_ms))
        self._add(request.handle)
        self._in_flight[request.handle] = request
        if len(self._in_flight) >= self._cap and self._full_since == NEVER:
            self._full_since = now

    def _record_answer(self, request: Request, now: int) -> int:
        """Record a request that got a response, and return its outcome."""
        getinfo = request.getinfo
        status = getinfo(_STATUS)
        failure = request.failure(status) if request.judged else FailureKind.HTTP if status >= 400 else None
        if request.attempts > 1:
            followed = getinfo(pycurl.REDIRECT_COUNT)
            self.followed[request.route] += followed
            if request.attempts > 1 + followed:
                failure = failure or FailureKind.RETRIED
        outcome = CODES[failure] if failure else OK
        size = getinfo(_SIZE) * SIZE_UNIT + status
        self._record(ROW(request.route, request.intended, request.sent, now, request.cap_wait, getinfo(_WAITING), outcome, size))
        self._free(request)
        return outcome

    def _record_failure(self, request: Request, error: int, now: int) -> int:
        """Record a request that got no response, and return its outcome."""
        kind = failure_kind(error, request.getinfo(pycurl.OS_ERRNO))
        sent, outcome = (request.sent, CODES[kind]) if kind else (-1, LATE)
        self._record(ROW(request.route, request.intended, sent, now, request.cap_wait, 0, outcome, 0))
        self._free(request)
        return outcome

    def _free(self, request: Request) -> None:
        self._remove(request.handle)
        self._pools[request.route].append(request)

    def _give_up(self, entry: int, due: int, now: int) -> None:
        """Record a request that ran out of time before it was sent."""
        self._record(ROW(entry, due, -1, now, 0, 0, self._unsent(), 0))

    def _unsent(self) -> int:
        """The outcome of a request that cannot be sent in time: caused by the cap if it is full, otherwise by the generator."""
        return LATE if self._full_since == NEVER else CODES[FailureKind.UNSENT]

    def _give_up_overdue(self, times: array[int], entries: array[int], index: int) -> None:
        """Record requests that were due but unsent when the burst ended early."""
        now = self._now()
        while index < len(times) and times[index] <= now:
            self._give_up(entries[index], times[index], now)
            index += 1

    def _preallocate(self, entries: list[int]) -> None:
        """Create requests before they are needed: each takes tens of microseconds."""
        for entry in entries:
            self._pools[entry].append(self._new_request(entry))

    def _sampler(self, route: int) -> BodySampler | None:
        """The sampler that all requests of a route share; None if it has no JSON schema."""
        expect = self._plan.routes[route].expect
        return BodySampler(route, expect, self.recorder, self.samples) if expect and expect.schema else None

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
