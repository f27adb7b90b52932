"""A cap that no server can fill, and the plans for which this machine has none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.in_flight import LATE_TIMEOUT_SECONDS, most_in_flight, uncapped
from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.process_limits import connection_limit, in_flight_cap
from kindgate.load.result import FailureKind
from kindgate.load.schedule import NANOS, make_schedule
from tests.unit.load.conftest import Behaviors, Serve

URL = "http://127.0.0.1/"


@given(
    seed=st.integers(0, 100),
    rate=st.floats(5, 200),
    timeouts=st.lists(st.one_of(st.none(), st.floats(0.05, 4)), min_size=1, max_size=3),
    processes=st.integers(1, 3),
)
def test_as_many_requests_fit_as_can_be_unanswered_at_once(seed: int, rate: float, timeouts: list[float | None], processes: int) -> None:
    """At every arrival, those of the same generator that can still be unanswered are counted one by one."""
    routes = tuple(Route(URL, name=f"r{index}", timeout=timeout) for index, timeout in enumerate(timeouts))
    plan = BurstPlan(routes, OpenLoop.constant(rate, seconds=3), seed=seed, timeout=1.0)
    schedule = make_schedule(OpenLoop.constant(rate, seconds=3), routes, seed)
    most = 0
    for index in range(processes):
        share = schedule.share(index, processes)
        sent = list(zip(share.intended.tolist(), share.route.tolist(), strict=True))
        for now, _ in sent:
            held = [due for due, route in sent if due <= now < due + round(((timeouts[route] or 1.0) + LATE_TIMEOUT_SECONDS) * NANOS)]
            most = max(most, len(held))

    assert most_in_flight(plan, processes) == most


def test_a_journey_takes_a_slot_for_all_its_steps_and_pauses() -> None:
    """Ten users arrive within a second, and each can still be waiting for an answer nine seconds later."""
    steps = (Route(URL, weight=0, journey="buy"), Route(URL, weight=0, journey="buy", timeout=2))
    plan = BurstPlan(steps, OpenLoop.constant(10, seconds=1), timeout=1, journeys=(Journey("buy", (Step(0, 2), Step(1, 2))),))

    assert most_in_flight(plan, 1) == 10
    assert most_in_flight(replace(plan, loop=OpenLoop.constant(10, seconds=30, arrival="uniform")), 1) == 10 * 9


def test_every_generator_gets_as_many_slots_as_the_busiest_one_needs() -> None:
    """Rounding down its share of the cap would hold back a request."""
    plan = BurstPlan((Route(URL),), OpenLoop.constant(10, requests=5), processes=2, timeout=5)

    assert in_flight_cap(uncapped(plan), 2) == 2 * 3


def test_healthy_routes_do_not_wait_behind_ones_that_never_answer(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """With the default cap, requests are held back; without it, none is, and each one to the healthy route is answered."""
    routes = (Route(serve(behaviors["hanging"]), name="hanging", weight=3), Route(serve(behaviors["well"]), name="well"))
    plan = BurstPlan(routes, OpenLoop.constant(300, seconds=3), timeout=2.5, processes=1)
    capped = run_burst(replace(plan, in_flight=256), pool=pool)
    result = run_burst(uncapped(plan), pool=pool)

    assert capped.cap_wait.max > 0
    assert result.cap_wait.max == 0
    assert {series.route: series.failed for series in result.series} == {"hanging": {FailureKind.TIMEOUT: 675}, "well": {}}


def test_too_few_descriptors_are_an_error_that_says_what_to_lower() -> None:
    """A second of the rate takes a tenth of the descriptors, and its requests can be unanswered for ten seconds."""
    plan = BurstPlan((Route(URL),), OpenLoop.constant(connection_limit() / 10, seconds=12), timeout=10, processes=1)
    with pytest.raises(LoadError, match="lower the rate or the timeout"):
        uncapped(plan)
    assert uncapped(replace(plan, timeout=8)).in_flight


def test_a_closed_loop_is_rejected() -> None:
    """It would send less the worse the server gets."""
    with pytest.raises(LoadError, match="use an open loop"):
        uncapped(BurstPlan((Route(URL),), ClosedLoop(5, seconds=1)))
