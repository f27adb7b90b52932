"""How often the load that an objective is about came due, planned and measured."""

from __future__ import annotations

import pytest

from kindgate.slo.arrivals import measured_arrivals, planned_arrivals
from kindgate.slo.grammar import parse_selector
from kindgate.slo.planned_load import PlannedLoad, PlannedSeries
from kindgate.slo.sample import BurstSample, JourneySeries, Series
from kindgate.source_location import Source

LOAD = PlannedLoad(
    (
        PlannedSeries({"route": "search", "group": "catalog"}, 60),
        PlannedSeries({"route": "login", "journey": "buy"}, 20),
        PlannedSeries({"route": "checkout", "journey": "buy"}, 20),
        PlannedSeries({"route": "checkout", "journey": "buy"}, 20),
        PlannedSeries({"route": "checkout", "journey": "reorder"}, 10),
    ),
    (PlannedSeries({"journey": "buy"}, 20), PlannedSeries({"journey": "reorder"}, 10)),
)


def _burst() -> BurstSample:
    """Build a duet in which half of the runs of `buy` fail at their login, so their checkout is not sent."""
    series, journeys = [], []
    for arm in ("head", "base"):
        tags = {"arm": arm, "host": f"{arm}.localhost"}
        series += [
            Series({**tags, "route": "search", "group": "catalog"}, 30, 30),
            Series({**tags, "route": "login", "journey": "buy"}, 10, 10),
            Series({**tags, "route": "checkout", "journey": "buy"}, 10, 10),
            Series({**tags, "route": "checkout", "journey": "reorder"}, 5, 5),
        ]
        journeys.append(JourneySeries({"arm": arm, "journey": "buy"}, 10, 10, 5, 5))
        journeys.append(JourneySeries({"arm": arm, "journey": "reorder"}, 5, 5, 5, 0))
    return BurstSample(0, 2, tuple(series), journeys=tuple(journeys))


@pytest.mark.parametrize(
    ("selector", "planned"),
    [
        ("http_req_duration", 90),
        ("http_req_duration{route:search}", 60),
        ("http_req_failed{group:catalog,kind:timeout}", 60),
        ("http_req_duration{route:checkout}", 30),
        ("http_req_duration{route:checkout,journey:reorder}", 10),
        ("http_req_duration{host:shop.localhost,arm:head,route:login}", 20),
        ("iteration_duration", 30),
        ("iterations{journey:buy}", 20),
        ("http_req_duration{route:nothing}", 0),
    ],
)
def test_a_burst_that_was_sent_as_planned_has_the_planned_arrivals(selector: str, planned: int) -> None:
    """A journey counts once however many of its steps match, and whether or not they were sent; both versions together are the plan."""
    chosen = parse_selector(Source(selector))

    assert planned_arrivals(chosen, LOAD) == planned
    assert measured_arrivals(chosen, _burst()) == planned
