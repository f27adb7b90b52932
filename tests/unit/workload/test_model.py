"""A workload as data."""

from __future__ import annotations

from kindgate.source_location import Source
from kindgate.workload.model import Workload, WorkloadJourney, WorkloadRoute, WorkloadStep

ROUTES = (WorkloadRoute("search", "/search", weight=6), WorkloadRoute("login", "/login", weight=0))
JOURNEYS = (WorkloadJourney("buy", (WorkloadStep("login"),)),)


def test_weights_are_those_of_routes_and_journeys_without_a_mix() -> None:
    """They share one mix."""
    assert Workload(ROUTES, JOURNEYS).weights == (("search", 6), ("login", 0), ("buy", 1))


def test_a_mix_replaces_all_weights() -> None:
    """What it does not name is not sent by itself."""
    assert Workload(ROUTES, JOURNEYS, mix=(("buy", 3),)).weights == (("search", 0), ("login", 0), ("buy", 3))


def test_a_value_without_a_document_has_a_position_too() -> None:
    """An error about a workload from an importer names the key."""
    known = Source("/search", "slo.yaml", 4, 9)
    workload = Workload(ROUTES, sources={("routes", 0, "path"): known})

    assert workload.source("routes", 0, "path") is known
    assert workload.source("routes", 1, "path").text == "routes.1.path"


def test_positions_are_no_part_of_the_meaning() -> None:
    """Two documents with different comments are the same workload."""
    assert Workload(ROUTES, sources={(): Source("?")}) == Workload(ROUTES)
