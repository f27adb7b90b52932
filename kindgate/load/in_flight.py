"""An in-flight cap that never binds, from the schedule: whatever the server does, no request has to wait for a slot. Pure.

A burst's default cap is enough for a short stall. Under a fault, some routes may not answer at all, and the requests of
healthy ones must not wait behind them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.process_limits import connection_limit, process_count
from kindgate.load.schedule import NANOS, Schedule, make_schedule

LATE_TIMEOUT_SECONDS: Final = 1.0
"""Seconds after its timeout within which a request has certainly given its slot back, even on a busy machine."""


def uncapped(plan: BurstPlan) -> BurstPlan:
    """The plan with a cap that never binds, or its own if that is higher.

    Raises `LoadError` if this machine cannot have as many connections, and for a closed loop.
    """
    if not isinstance(plan.loop, OpenLoop):
        raise LoadError("a closed loop slows down with the server, and hides what it loses: use an open loop")
    processes = process_count(plan)
    cap = processes * most_in_flight(plan, processes)
    limit = processes * connection_limit()
    if cap > limit:
        raise LoadError(
            f"up to {cap:,} requests can be unanswered at {plan.loop.peak_rate:g} per second with a timeout of {plan.timeout:g} s,"
            f" and this machine allows {limit:,} connections",
            next_step="lower the rate or the timeout, or raise the hard limit of open files (`ulimit -Hn`)",
        )
    return replace(plan, in_flight=max(cap, plan.in_flight or 0))


def most_in_flight(plan: BurstPlan, processes: int) -> int:
    """The largest number of requests that one of the generators has unanswered if the server never answers in time.

    A journey counts as one request for as long as all its steps and pauses can take.
    """
    if not isinstance(plan.loop, OpenLoop):
        return plan.loop.users
    schedule = make_schedule(plan.loop, (*plan.routes, *plan.journeys), plan.seed)
    lifetimes = _lifetimes(plan)
    return max(_most_overlapping(schedule.share(index, processes), lifetimes) for index in range(processes))


def _lifetimes(plan: BurstPlan) -> NDArray[np.int64]:
    """The time in nanoseconds for which each entry of the schedule can hold a slot."""
    timeouts = [(route.timeout or plan.timeout) + LATE_TIMEOUT_SECONDS for route in plan.routes]
    journeys = [sum(step.think + timeouts[step.route] for step in journey.steps) for journey in plan.journeys]
    return np.array([round(seconds * NANOS) for seconds in (*timeouts, *journeys)], np.int64)


def _most_overlapping(schedule: Schedule, lifetimes: NDArray[np.int64]) -> int:
    """The largest number of intervals, one per arrival, that overlap; one that ends gives its slot to one that starts then."""
    times = np.concatenate([schedule.intended + lifetimes[schedule.route], schedule.intended])
    changes = np.repeat([-1, 1], len(schedule.intended))
    return int(np.cumsum(changes[np.argsort(times, kind="stable")]).max(initial=0))
