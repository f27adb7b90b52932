"""The longest durations of bursts, after which a generator counts as lost."""

from __future__ import annotations

from dataclasses import replace

from kindgate.load.burst_duration import max_duration
from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route


def test_the_longest_duration_of_a_burst_covers_pauses_and_timeouts_of_a_journey() -> None:
    """A generator that still waits for a user who thinks is not lost."""
    route = Route("http://127.0.0.1/", timeout=3)
    step = replace(route, weight=0, journey="buy", timeout=None)
    plan = BurstPlan((route, step), OpenLoop.constant(10, seconds=5), timeout=2)
    assert max_duration(plan) == 8
    journeys = (Journey("buy", (Step(1, 4), Step(1, 0.5))), Journey("rare", (Step(2, 100),), weight=0))
    longer = replace(plan, routes=(route, step, replace(step, journey="rare")), journeys=journeys)
    assert max_duration(longer) == 5 + 4 + 2 + 0.5 + 2
    assert max_duration(replace(plan, loop=ClosedLoop(2, requests=10))) == 5 * 3 + 3
