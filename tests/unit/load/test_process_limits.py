"""The number of generators and slots for a burst."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kindgate.errors import LoadError
from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.process_limits import RATE_PER_PROCESS, connection_limit, in_flight_cap, process_count

ROUTES = (Route("http://127.0.0.1/"),)
CORES = len(os.sched_getaffinity(0))


def test_the_number_of_generators_grows_with_the_rate_up_to_the_cores() -> None:
    """More processes than needed would only take CPU from the server."""
    assert process_count(BurstPlan(ROUTES, OpenLoop.constant(1000, seconds=1))) == 1
    assert process_count(BurstPlan(ROUTES, OpenLoop.constant(1e6, seconds=1))) == CORES
    assert process_count(BurstPlan(ROUTES, OpenLoop.constant(10, seconds=1), processes=3)) == 3
    assert process_count(BurstPlan(ROUTES, ClosedLoop(1, seconds=1))) == 1
    assert process_count(BurstPlan(ROUTES, OpenLoop.constant(10, requests=2), processes=8)) == 2


def test_the_cap_holds_at_least_a_second_of_the_rate_within_the_descriptor_limit() -> None:
    """An outage of one second holds back no request."""
    assert in_flight_cap(BurstPlan(ROUTES, OpenLoop.constant(1000, seconds=1)), 1) >= 1000
    assert in_flight_cap(BurstPlan(ROUTES, OpenLoop.constant(1, seconds=2)), 1) >= 100
    assert in_flight_cap(BurstPlan(ROUTES, OpenLoop.constant(1e6, seconds=1)), 1) <= connection_limit()
    assert in_flight_cap(BurstPlan(ROUTES, OpenLoop.constant(10, seconds=1), in_flight=7), 1) == 7


def test_more_users_than_descriptors_are_rejected() -> None:
    """Each user needs a connection."""
    plan = BurstPlan(ROUTES, ClosedLoop(100_000_000, seconds=1))
    with pytest.raises(LoadError, match="open files"):
        in_flight_cap(plan, 2)


PRIORITY_SCRIPT = """
import os
from kindgate.load.process_limits import realtime_priority
with realtime_priority():
    inside = os.sched_getscheduler(0)
print(inside, os.sched_getscheduler(0))
"""


def test_priority_ends_with_the_block() -> None:
    """Inside the block it is SCHED_RR if permitted; afterward, and without permission, it is the default."""
    policies = subprocess.run([sys.executable, "-c", PRIORITY_SCRIPT], capture_output=True, text=True, check=True).stdout.split()
    assert policies in (["2", "0"], ["0", "0"])


def journey_plan(rate: float, timeout: float | None = None) -> BurstPlan:
    """As many journeys of three steps as single requests; one step has its own timeout."""
    steps = tuple(Route("http://127.0.0.1/", weight=0, journey="buy", timeout=each) for each in (None, None, timeout))
    return BurstPlan((*ROUTES, *steps), OpenLoop.constant(rate, seconds=1), journeys=(Journey("buy", (Step(1), Step(2), Step(3))),))


def test_every_step_of_a_journey_counts_as_a_request() -> None:
    """A thousand arrivals per second are two thousand requests, of which two seconds' worth may be unanswered."""
    assert in_flight_cap(journey_plan(1000), 1) == 4000
    assert process_count(journey_plan(RATE_PER_PROCESS * 0.49)) == 1
    assert process_count(journey_plan(RATE_PER_PROCESS * 0.51)) == min(CORES, 2)


def test_a_route_with_a_long_timeout_of_its_own_gets_slots_for_that_long() -> None:
    """An eighth of the requests may take ten seconds each: 500 arrivals per second times 10 s, and 1,500 requests times 2 s."""
    assert in_flight_cap(journey_plan(1000, timeout=10), 1) == 500 * 10 + 1500 * 2
    assert in_flight_cap(journey_plan(1000, timeout=0.5), 1) == 4000
