"""The number of generators and slots for a burst."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.process_limits import connection_limit, in_flight_cap, process_count

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
