"""Send journeys: users who start on schedule, and take each step when the response to the one before has arrived.

A step is due when the step before has ended and its pause is over. From then on it is like a request of the schedule: its
response time counts from that moment, it can wait for a slot, and it can fail. A step that fails ends its journey.
"""

from __future__ import annotations

import heapq
from array import array
from typing import Final

from kindgate.load.curl_multi import MultiTransfers
from kindgate.load.engine import LONGEST_WAIT, NEVER, SPIN, Engine, Tick
from kindgate.load.plan import BurstPlan
from kindgate.load.raw_samples import CODES, OK, ROW, Recorder
from kindgate.load.request import Request
from kindgate.load.result import FailureKind
from kindgate.load.schedule import NANOS
from kindgate.load.visit import Visit

_FOREVER: Final = 1 << 62


class JourneyEngine(Engine):
    """One burst of one generator, of requests and journeys; a journey stays on its generator.

    `journeys` holds the rows of journeys that have ended: their own index and intended time, the time at which the first step
    was sent, and the outcome of the last step taken.
    """

    def __init__(self, plan: BurstPlan, transfers: MultiTransfers, cap: int, tick: Tick) -> None:
        super().__init__(plan, transfers, cap, tick)
        self.journeys = Recorder()
        self._first = len(plan.routes)
        self._steps = [[step.route for step in journey.steps] for journey in plan.journeys]
        self._pauses = [[round(step.think * NANOS) for step in journey.steps] for journey in plan.journeys]
        self._timeouts += [self._timeouts[steps[0]] for steps in self._steps]
        self._due_steps: list[tuple[int, int, Visit]] = []
        self._pushed = 0
        self._end_of_steps = _FOREVER

    @property
    def _paused(self) -> bool:
        return bool(self._due_steps)

    def finish(self, at: int) -> None:
        """Drop what is due at or after `at`; a journey that would go on then is not recorded, because its outcome is unknown."""
        super().finish(at)
        self._end_of_steps = at - self._start
        self._due_steps[:] = [step for step in self._due_steps if step[0] < self._end_of_steps]
        heapq.heapify(self._due_steps)

    def settled(self, now: int) -> int:
        """As for requests; steps that are due count too."""
        return min(super().settled(now), self._due_steps[0][0] if self._due_steps else now)

    def _send_due(self, times: array[int], entries: array[int], index: int) -> int:
        """Send what is due and has a slot, the earliest first: requests of the schedule, and steps of journeys under way."""
        steps = self._due_steps
        while True:
            scheduled = times[index] if index < len(times) else _FOREVER
            now = self._now()
            if steps and steps[0][0] <= scheduled:
                due, _, visit = steps[0]
                if due > now or not self._handled_step(visit, due, now):
                    break
                heapq.heappop(steps)
            else:
                if scheduled > now or not self._handled_entry(entries[index], scheduled, now, index):
                    break
                index += 1
        if not self._is_full:
            self._full_since = NEVER
        return index

    def _handled_entry(self, entry: int, due: int, now: int, index: int) -> bool:
        """Send a request of the schedule or start a journey; return False if it must wait for a slot."""
        if entry < self._first:
            if now - due >= self._timeouts[entry]:
                self._give_up(entry, due, now)
            elif self._is_full:
                return False
            else:
                self._send(entry, due, now, self._held(due), index)
            return True
        pause = self._pauses[entry - self._first][0]
        if not pause and self._is_full and now - due < self._timeouts[entry]:
            return False
        visit = self._new_visit(entry, due, index)
        if pause:
            self._push(due + pause, visit)
        else:
            self._handled_step(visit, due, now)
        return True

    def _handled_step(self, visit: Visit, due: int, now: int) -> bool:
        """Send a step, or give it up; return False if it must wait for a slot."""
        route = self._steps[visit.journey][visit.step]
        if now - due >= self._timeouts[route]:
            self._give_up_step(visit, due, now)
        elif self._is_full:
            return False
        else:
            self._send_step(visit, route, due, now)
        return True

    @property
    def _is_full(self) -> bool:
        return len(self._in_flight) >= self._cap

    def _send_step(self, visit: Visit, route: int, due: int, now: int) -> None:
        pool = self._pools[route]
        request = pool.pop() if pool else self._new_request(route)
        request.visit = visit
        if request.varies:
            request.fill(visit.values)
        request.set_cookies(visit.cookies)
        if not visit.step:
            visit.sent = now
        self._submit(request, due, now, self._held(due))

    def _new_visit(self, entry: int, due: int, index: int) -> Visit:
        return Visit(entry - self._first, due, self._values[entry].at(self._numbers[index]))

    def _record_answer(self, request: Request, now: int) -> int:
        visit, request.visit = request.visit, None
        kept = len(self.samples)
        outcome = super()._record_answer(request, now)
        if visit:
            visit.samples += range(kept, len(self.samples))
            if outcome == OK:
                self._advance(visit, request, now)
            else:
                self._end(visit, now, outcome)
        return outcome

    def _record_failure(self, request: Request, error: int, now: int) -> int:
        visit, request.visit = request.visit, None
        outcome = super()._record_failure(request, error, now)
        if visit:
            self._end(visit, now, outcome)
        return outcome

    def _advance(self, visit: Visit, request: Request, now: int) -> None:
        """Go to the next step with what the response provided, or end the journey."""
        visit.step += 1
        pauses = self._pauses[visit.journey]
        if visit.step == len(pauses):
            self._end(visit, now, OK)
            return
        visit.values.update(request.values)
        visit.cookies = request.cookies
        self._push(now + pauses[visit.step], visit)

    def _push(self, due: int, visit: Visit) -> None:
        if due >= self._end_of_steps:
            return
        self._pushed += 1  # orders steps that are due at the same time
        heapq.heappush(self._due_steps, (due, self._pushed, visit))

    def _end(self, visit: Visit, now: int, outcome: int) -> None:
        for index in visit.samples:
            self.samples[index] = self.samples[index].of_journey(len(self.journeys))
        self.journeys.data.extend(ROW(visit.journey, visit.intended, visit.sent, now, 0, 0, outcome, 0))

    def _give_up_step(self, visit: Visit, due: int, now: int) -> None:
        """Record a step that ran out of time before it was sent, which ends its journey."""
        super()._give_up(self._steps[visit.journey][visit.step], due, now)
        self._end(visit, now, self._unsent())

    def _open_wait(self, times: array[int], entries: array[int], index: int) -> float:
        """Seconds to sleep until the next request or step needs attention; without a slot, the earliest one holds up all others."""
        due = times[index] if index < len(times) else _FOREVER
        entry = entries[index] if index < len(times) else 0
        if self._due_steps and self._due_steps[0][0] <= due:
            due, _, visit = self._due_steps[0]
            entry = self._steps[visit.journey][visit.step]
        if self._is_full:
            due += self._timeouts[entry]
        return min(LONGEST_WAIT, max(0, due - SPIN - self._now()) / NANOS)

    def _give_up_overdue(self, times: array[int], entries: array[int], index: int) -> None:
        """Record requests and steps that were due but unsent when the burst ended early; paused journeys are left out."""
        now = self._now()
        while index < len(times) and times[index] <= now:
            if entries[index] < self._first:
                self._give_up(entries[index], times[index], now)
            else:
                visit = self._new_visit(entries[index], times[index], index)
                self._give_up_step(visit, visit.intended, now)
            index += 1
        for due, _, visit in sorted(self._due_steps):
            if due <= now:
                self._give_up_step(visit, due, now)
        self._due_steps.clear()

    def _preallocate(self, entries: list[int]) -> None:
        """Create the requests of routes, and those of all steps of journeys."""
        routes = [[entry] if entry < self._first else self._steps[entry - self._first] for entry in entries]
        super()._preallocate([route for steps in routes for route in steps])

    def _abandon(self) -> None:
        """Record the journeys whose step is in flight (only if the burst ended early) as unanswered, and close every handle."""
        now = self._now()
        for request in self._in_flight.values():
            if request.visit:
                self._end(request.visit, now, CODES[FailureKind.UNANSWERED])
        super()._abandon()
