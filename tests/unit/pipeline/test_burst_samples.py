"""The judge's input: tags, journeys and redirects of a measured burst, and the same tags in its plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kindgate.histogram import Histogram
from kindgate.load.expectation import Expectation
from kindgate.load.journey import Journey, Step
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.result import BurstResult, Series
from kindgate.model import Window
from kindgate.pipeline.burst_samples import burst_sample, journey_tags, route_tags
from kindgate.pipeline.evaluation import planned_load

URL = "http://127.0.0.1/"
SEARCH = Route(URL, host="shop.localhost", name="search", weight=3, tags=(("group", "catalog"), ("team", "a")))
LOGIN = Route(URL, host="shop.localhost", name="login", method="POST", weight=0, journey="buy")
CHECKOUT = replace(LOGIN, name="checkout")
UNUSED = replace(SEARCH, name="unused", weight=0)
BUY = Journey("buy", (Step(1), Step(2)), weight=1, tags=(("team", "b"),))
PLAN = BurstPlan((SEARCH, LOGIN, CHECKOUT, UNUSED), OpenLoop.constant(200, seconds=2), journeys=(BUY,))


def _result(*series: Series, plan: BurstPlan = PLAN, **fields: Any) -> BurstResult:
    return BurstResult(plan, Window(1000.0, 1002.0), 2.0, series, **fields)


def _series(route: Route, **fields: Any) -> Series:
    return Series(route.label, route.host, route.arm, route.method, journey=route.journey, tags=route.tags, **fields)


def test_requests_carry_the_tags_of_their_route() -> None:
    """Route, host, method, journey and the author's own tags; what is empty is no tag."""
    search, login = burst_sample(_result(_series(SEARCH), _series(LOGIN))).series

    assert search.tags == {"host": "shop.localhost", "route": "search", "method": "GET", "group": "catalog", "team": "a"}
    assert login.tags == {"host": "shop.localhost", "route": "login", "method": "POST", "journey": "buy"}


def test_the_authors_tags_never_replace_those_of_the_load() -> None:
    """A route must not count as another one, or as the other version's."""
    route = replace(SEARCH, arm="head", tags=(("route", "checkout"), ("arm", "base"), ("method", "PUT")))

    assert route_tags(route) == {"host": "shop.localhost", "route": "search", "arm": "head", "method": "GET"}
    assert journey_tags(replace(BUY, arm="head", tags=(("journey", "x"), ("arm", "base")))) == {"journey": "buy", "arm": "head"}


def test_journeys_are_judged_with_their_own_figures() -> None:
    """No number changes between the engine and the judge."""
    journey = JourneySeries("buy", "head", (("team", "b"),), 10, 9, 6, 3, Histogram.of([1, 2, 3, 4, 5, 6]))

    (judged,) = burst_sample(_result(journeys=(journey,))).journeys

    assert judged.tags == {"journey": "buy", "arm": "head", "team": "b"}
    assert (judged.scheduled, judged.started, judged.completed, judged.failed) == (10, 9, 6, 3)
    assert judged.duration == journey.duration


@pytest.mark.parametrize(("statuses", "redirects"), [(None, 7), (((200, 299),), 7), (((303, 303),), 2), (((200, 200), (300, 399)), 0)])
def test_expected_redirects_are_answers(statuses: tuple[tuple[int, int], ...] | None, redirects: int) -> None:
    """A login that answers 303 by design did its work; other redirects may come from something in front of the application."""
    route = replace(SEARCH, expect=Expectation(statuses=statuses) if statuses is not None else None)
    result = _result(_series(route, status={200: 1, 302: 2, 303: 5, 404: 1}), plan=BurstPlan((route,), OpenLoop.constant(1, seconds=1)))

    assert burst_sample(result).series[0].redirects == redirects


def test_a_plan_carries_the_same_tags_as_its_bursts() -> None:
    """Objectives are checked against the plan before the load, so both must name everything alike."""
    load = planned_load(PLAN)
    result = _result(*(map(_series, (SEARCH, LOGIN, CHECKOUT))), journeys=(JourneySeries("buy", "", BUY.tags),))
    sample = burst_sample(result)

    assert [one.tags for one in load.requests] == [series.tags for series in sample.series]
    assert [one.tags for one in load.journeys] == [journey.tags for journey in sample.journeys]


def test_each_step_is_planned_once_per_journey() -> None:
    """Of 400 arrivals, 300 are searches and 100 journeys of two steps; a route that nothing uses is not planned."""
    load = planned_load(PLAN)

    assert {one.tags["route"]: one.count for one in load.requests} == {"search": 300, "login": 100, "checkout": 100}
    assert [one.count for one in load.journeys] == [100]


def test_both_plans_of_alternating_bursts_are_planned() -> None:
    """With ABBA, each version gets all requests of its bursts."""
    base, head = (BurstPlan((replace(SEARCH, arm=arm),), OpenLoop.constant(100, seconds=1)) for arm in ("base", "head"))

    assert [(one.tags["arm"], one.count) for one in planned_load(base, head).requests] == [("base", 100), ("head", 100)]


@pytest.mark.parametrize(("users", "shown"), [(1, "1 user"), (50, "50 users")])
def test_a_closed_loop_is_named_to_the_judge(users: int, shown: str) -> None:
    """The judge does not pass times of a load that waits for responses."""
    plan = replace(PLAN, loop=ClosedLoop(users, 2.0), journeys=())

    assert burst_sample(_result(_series(SEARCH), plan=plan)).closed_loop == shown
    assert not burst_sample(_result(_series(SEARCH))).closed_loop
