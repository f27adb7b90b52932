"""Tolerances for each route or journey, and the objectives of one route."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import SloError
from kindgate.slo.each import CarriedTags, expanded, is_expansion, thresholds_of_route, tolerances_of_route
from kindgate.slo.grammar import parse_marker, parse_selector
from kindgate.slo.objectives import RESPONSE_TIMES, Tolerance
from kindgate.slo.sample import BurstSample, JourneySeries, Series
from kindgate.slo.threshold import JOURNEY_METRIC, METRICS, Selector
from kindgate.source_location import Source

JOURNEYS = Selector(METRICS[JOURNEY_METRIC])
SHOP = CarriedTags(
    (
        {"route": "search", "group": "catalog", "arm": "head"},
        {"route": "search", "group": "catalog", "arm": "base"},
        {"route": "checkout", "journey": "buy", "arm": "head"},
        {"host": "foo.localhost"},
    ),
    ({"journey": "buy", "arm": "head"}, {"journey": "browse", "arm": "head"}),
)


def _selector(text: str) -> Selector:
    return parse_selector(Source(text))


def test_each_route_makes_one_tolerance_per_route() -> None:
    """Both versions of a route have one tolerance, and requests without a route have none; the order does not depend on the plan's."""
    assert expanded([Tolerance(95, 0.15, "slo.yaml:3:3", each="route")], SHOP) == (
        Tolerance(95, 0.15, "slo.yaml:3:3", _selector("http_req_duration{route:checkout}")),
        Tolerance(95, 0.15, "slo.yaml:3:3", _selector("http_req_duration{route:search}")),
    )


def test_each_journey_is_about_the_times_of_journeys() -> None:
    """A journey without a route of its own is found among the journeys, not among the requests."""
    (browse, buy) = expanded([Tolerance(50, 0.1, selector=JOURNEYS, each="journey")], SHOP)

    assert (str(browse.selector), str(buy.selector)) == ("iteration_duration{journey:browse}", "iteration_duration{journey:buy}")


def test_each_keeps_to_its_selector() -> None:
    """Within a group, only the group's routes are compared."""
    (only,) = expanded([Tolerance(95, 0.15, selector=_selector("http_req_duration{group:catalog}"), each="route")], SHOP)

    assert str(only.selector) == "http_req_duration{group:catalog,route:search}"


def test_a_written_tolerance_replaces_the_one_of_each() -> None:
    """A route with a tolerance of its own is not compared twice; at another percentile it still is."""
    own = Tolerance(95, 0.5, selector=_selector("http_req_duration{route:checkout}"))
    every = Tolerance(95, 0.15, each="route")

    assert [one.max_regression for one in expanded([own, every], SHOP)] == [0.5, 0.15]
    assert len(expanded([own, replace(every, quantile=50)], SHOP)) == 3


def test_each_of_a_missing_tag_is_an_error_at_its_line() -> None:
    """Load without journeys has none to compare, and the error says where that was requested."""
    with pytest.raises(SloError, match=r"slo\.yaml:3:3: .* nothing that is sent has a tag journey"):
        expanded([Tolerance(95, 0.15, "slo.yaml:3:3", JOURNEYS, "journey")], CarriedTags(SHOP.requests))


def test_no_more_comparisons_than_a_report_can_show() -> None:
    """The number of routes of an untrusted report must not multiply the work."""
    many = CarriedTags(tuple({"route": str(number)} for number in range(201)))
    with pytest.raises(SloError, match="more than 200"):
        expanded([Tolerance(95, 0.15, each="route")], many)


def test_the_carried_tags_of_measured_bursts() -> None:
    """Requests and journeys of all bursts count, each combination once."""
    first = BurstSample(0, 1, (Series({"route": "search"}, 1, 1),), journeys=(JourneySeries({"journey": "buy"}, 1, 1, 1, 0),))
    second = BurstSample(2, 1, (Series({"route": "search"}, 1, 1), Series({"route": "checkout"}, 1, 1)))

    carried = CarriedTags.of_samples([first, second])

    assert sorted(tags["route"] for tags in carried.requests) == ["checkout", "search"]
    assert carried.journeys == ({"journey": "buy"},)


ROUTES = st.sampled_from(["a", "b", "c", "d"])
WRITTEN = st.lists(
    st.builds(
        Tolerance,
        quantile=st.sampled_from([50.0, 95.0]),
        max_regression=st.sampled_from([0.1, 0.2]),
        selector=st.one_of(st.just(RESPONSE_TIMES), ROUTES.map(lambda route: RESPONSE_TIMES.with_tag("route", route))),
    ),
    max_size=4,
).map(tuple)
EACH = st.builds(Tolerance, quantile=st.sampled_from([50.0, 95.0]), max_regression=st.sampled_from([0.1, 0.2]), each=st.just("route"))


@given(written=WRITTEN, each=EACH, routes=st.sets(ROUTES, min_size=1))
def test_every_expansion_is_recognized_as_one(written: tuple[Tolerance, ...], each: Tolerance, routes: set[str]) -> None:
    """What a run judged is recognized as the file's `each` whatever routes the load has, and as nothing else."""
    file = (*written, each)
    used = expanded(file, CarriedTags(tuple({"route": route} for route in sorted(routes))))

    assert is_expansion(used, file)
    assert not is_expansion((*used, Tolerance(99.0, 0.3)), file)
    loosened = tuple(replace(one, max_regression=0.9) if one.selector.tags else one for one in used)
    assert not is_expansion(loosened, file) or not any(one.selector.tags for one in used)


def test_a_missing_tolerance_is_no_expansion() -> None:
    """Neither a written tolerance nor all parts of an `each` may be left out."""
    file = (Tolerance(50.0, 0.1), Tolerance(95.0, 0.15, each="route"))
    used = expanded(file, SHOP)

    assert is_expansion(used, file)
    assert not is_expansion(used[1:], file)
    assert not is_expansion(used[:1], file)


def test_the_objectives_of_one_route() -> None:
    """A test can judge one route; an unknown one is an error that lists the others."""
    thresholds = parse_marker(("http_req_duration{route:search}: p(95)<200", "http_req_failed{name:checkout}: rate<0.1", "p(95)<300"))
    tolerances = expanded([Tolerance(95, 0.15, each="route"), Tolerance(50, 0.1)], SHOP)

    assert [str(one.selector) for one in thresholds_of_route(thresholds, "checkout")] == ["http_req_failed{route:checkout}"]
    assert [str(one.selector) for one in tolerances_of_route(tolerances, "search")] == ["http_req_duration{route:search}"]
    with pytest.raises(SloError, match="no threshold is about the route 'login'") as raised:
        thresholds_of_route(thresholds, "login")
    assert "checkout, search" in raised.value.next_step
    with pytest.raises(SloError, match="no tolerance is about the route 'login'"):
        tolerances_of_route(tolerances, "login")
