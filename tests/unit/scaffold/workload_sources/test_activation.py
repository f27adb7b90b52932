"""Without --unsafe, nothing that may change data is sent, nor anything that depends on it."""

from __future__ import annotations

from kindgate.load.expectation import Extraction
from kindgate.scaffold.workload_sources.activation import active_part, inactive_entries
from kindgate.workload.model import (
    EnvironmentValue,
    FormBody,
    JsonBody,
    RandomUuid,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)

TOKEN = (Extraction("token", "json", "token"),)


def test_a_value_that_only_an_unsafe_setup_extracts_is_not_used() -> None:
    """The login is a POST, so what needs its token waits for --unsafe, too."""
    workload = Workload(
        routes=(WorkloadRoute("home", "/"), WorkloadRoute("me", "/me", headers=(("Authorization", "Bearer {token}"),))),
        setup=(WorkloadRoute("login", "/login", "POST", extract=TOKEN), WorkloadRoute("warm", "/warm?t={token}")),
        teardown=(WorkloadRoute("logout", "/logout?t={token}"),),
    )

    assert inactive_entries(workload) == {("routes", "me"), ("setup", "login"), ("setup", "warm"), ("teardown", "logout")}


def test_a_value_that_a_safe_setup_extracts_is_used() -> None:
    """A GET changes nothing."""
    workload = Workload(
        routes=(WorkloadRoute("me", "/me?t={token}&r={run}"),), setup=(WorkloadRoute("session", "/session", extract=TOKEN),)
    )

    assert inactive_entries(workload) == frozenset()


def test_a_journey_with_an_unsafe_step_is_inactive_and_its_safe_routes_are_not() -> None:
    """Unless they need a value of the journey."""
    workload = Workload(
        routes=(WorkloadRoute("list", "/a"), WorkloadRoute("add", "/a", "POST"), WorkloadRoute("show", "/a/{id}")),
        journeys=(
            WorkloadJourney("buy", (WorkloadStep("list"), WorkloadStep("add", (Extraction("id", "json", "id"),)), WorkloadStep("show"))),
            WorkloadJourney(
                "look", (WorkloadStep("list", (Extraction("first", "json", "0.id"),)), WorkloadStep(WorkloadRoute("one", "/a/{first}")))
            ),
        ),
    )

    assert inactive_entries(workload) == {("routes", "add"), ("routes", "show"), ("journeys", "buy")}


def test_data_that_only_inactive_parts_use_is_not_needed() -> None:
    """A secret of a commented-out route must not be required."""
    workload = Workload(
        routes=(
            WorkloadRoute("a", "/{one}"),
            WorkloadRoute("b", "/b", "POST", body=JsonBody({"x": ["{two}", 1]})),
            WorkloadRoute("c", "/c", "POST", body=FormBody((("x", "{three}"),))),
            WorkloadRoute("d", "/d", "POST", body=TextBody("{four}")),
        ),
        data=(
            RandomUuid("one"),
            EnvironmentValue("two", "TWO", secret=True),
            RandomUuid("three"),
            RandomUuid("four"),
        ),
    )

    active = active_part(workload, inactive_entries(workload))

    assert [one.name for one in active.data] == ["one"]
    assert active_part(workload, frozenset()) == workload
