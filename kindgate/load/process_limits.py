"""Limits and kernel settings of generator processes on this machine.

How many processes and concurrent requests a burst gets, and the settings that make a generator late less often; without
the permission for those it runs with the kernel's defaults.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import sys
from collections.abc import Iterator
from typing import Final

from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, OpenLoop, Route

SPARE_DESCRIPTORS: Final = 64
"""Descriptors of a generator that are not connections."""

SMALLEST_CAP: Final = 256

STALL_SECONDS: Final = 2.0
"""Seconds without a response from the server before requests have to wait for slots."""

RATE_PER_PROCESS: Final = 5000
"""Requests per second that one generator can send with a delay below a millisecond."""

_PR_SET_TIMERSLACK = 29


def process_count(plan: BurstPlan) -> int:
    """Number of generators for `plan`: as requested, otherwise as many as the rate needs, up to the number of cores."""
    loop = plan.loop
    if plan.processes:
        count = plan.processes
    elif isinstance(loop, OpenLoop):
        count = min(len(os.sched_getaffinity(0)), math.ceil(loop.peak_rate * requests_per_arrival(plan) / RATE_PER_PROCESS))
    else:
        count = len(os.sched_getaffinity(0))
    return max(1, min(count, loop.count if isinstance(loop, OpenLoop) else loop.users))


def in_flight_cap(plan: BurstPlan, processes: int) -> int:
    """Maximum number of unanswered requests, over all generators.

    Default: the requests sent in two seconds at the highest rate, so requests wait for a slot only if the server stalls
    for longer; a route with a timeout of its own is expected to take that long. Raises `LoadError` if more are requested than
    descriptors allow.
    """
    loop = plan.loop
    limit = connection_limit() * processes
    requested = plan.in_flight if isinstance(loop, OpenLoop) else loop.users
    if requested is not None:
        if requested > limit:
            raise LoadError(
                f"{requested} concurrent requests need more open files than this machine allows ({limit})",
                next_step="raise the hard limit (`ulimit -Hn`), use more processes, or use fewer users or a lower in-flight cap",
            )
        return requested
    if not isinstance(loop, OpenLoop):
        return limit
    return max(processes, min(limit, max(SMALLEST_CAP, math.ceil(loop.peak_rate * _slot_seconds_per_arrival(plan)))))


def requests_per_arrival(plan: BurstPlan) -> float:
    """Average number of requests of a route or journey of the mix."""
    return sum(weight for _, weight in _sent_routes(plan)) / sum(plan.weights)


def _slot_seconds_per_arrival(plan: BurstPlan) -> float:
    """Average of the seconds for which the requests of a route or journey may hold slots before others have to wait."""
    seconds = ((max(STALL_SECONDS, route.timeout or 0.0), weight) for route, weight in _sent_routes(plan))
    return sum(each * weight for each, weight in seconds) / sum(plan.weights)


def _sent_routes(plan: BurstPlan) -> Iterator[tuple[Route, int]]:
    """Each request of a block of the schedule: its route, and how often it occurs."""
    yield from ((route, route.weight) for route in plan.routes)
    yield from ((plan.routes[step.route], journey.weight) for journey in plan.journeys for step in journey.steps)


def connection_limit() -> int:
    """Connections that fit within the hard limit of open files of one process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (1 << 20 if hard == resource.RLIM_INFINITY else hard) - SPARE_DESCRIPTORS


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit of open files to the hard limit; return the number of connections that then fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return connection_limit()


def minimize_timer_slack() -> None:
    """Minimize timer slack: Linux adds 50 microseconds to every sleep unless a thread requests less (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


@contextlib.contextmanager
def realtime_priority() -> Iterator[None]:
    """Run the block before all ordinary processes (sched(7), SCHED_RR), as if the generator had its own machine.

    Only for open loops: they sleep between requests, and a rate that they cannot sustain shows in their CPU share.
    Needs CAP_SYS_NICE; next to a compiler on all cores it reduces a delay of 10 ms to 0.2 ms.
    """
    if sys.platform != "linux":
        yield
        return
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
