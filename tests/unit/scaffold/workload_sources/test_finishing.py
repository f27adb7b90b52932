"""The last steps of an import: a second look at every text, and nothing that a workload would not accept."""

from __future__ import annotations

from typing import Any

import pytest

from kindgate.errors import SettingsError
from kindgate.load.expectation import Extraction
from kindgate.scaffold.workload_sources.finishing import active_workload, finished
from kindgate.scaffold.workload_sources.imported import Dropped, Imported
from kindgate.workload.model import (
    ExpectedResponse,
    FormBody,
    JsonBody,
    RandomChoice,
    TextBody,
    Workload,
    WorkloadJourney,
    WorkloadRoute,
    WorkloadStep,
)
from tests.unit.scaffold.workload_sources.imports import UNSAFE

TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
HOME = WorkloadRoute("home", "/")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": TOKEN},
        {"path": f"/a/{TOKEN}"},
        {"headers": (("X-Note", TOKEN),)},
        {"headers": ((TOKEN, "x"),)},
        {"headers": (("Authorization", "Basic dXNlcjpwYXNzd29yZA=="),)},
        {"body": JsonBody({"a": [TOKEN]})},
        {"body": JsonBody({TOKEN: 1})},
        {"body": FormBody(((TOKEN, "1"),))},
        {"body": TextBody(TOKEN)},
        {"tags": (("team", TOKEN),)},
        {"expect": ExpectedResponse(contains=TOKEN)},
        {"expect": ExpectedResponse(json=(("a", {"b": TOKEN}),))},
        {"extract": (Extraction("a", "regex", f"{TOKEN}(.*)"),)},
    ],
)
def test_a_request_with_a_private_text_is_dropped_with_its_journeys(changes: dict[str, Any]) -> None:
    """Whatever a reader of one source overlooks is caught here, for all sources."""
    route = WorkloadRoute(**{"name": "leaky", "path": "/a", "method": "POST", **changes})
    journey = WorkloadJourney("visit", (WorkloadStep("home"), WorkloadStep(route.name)))

    result = finished(Imported(Workload((HOME, route), (journey,))), UNSAFE)

    assert (result.workload.routes, result.workload.journeys) == ((HOME,), ())
    assert TOKEN not in str(result)
    assert sum(one.count for one in result.dropped) == 2


def test_private_values_of_data_and_texts_are_removed() -> None:
    """Rows of files, values to choose from, and the account of what was dropped."""
    imported = Imported(
        Workload((WorkloadRoute("a", "/{a}"),), data=(RandomChoice("a", (TOKEN, "b")),)),
        {"x.csv": f"a,b\n1,{TOKEN}\n2,3\n"},
        dropped=(Dropped(f"/{TOKEN}", "odd"), Dropped("host\x1b[31m\nroutes: []", "r" * 1000)),
        notes=(f"note {TOKEN}", "two\nlines"),
        thresholds=((f"http_reqs{{name:{TOKEN}}}", ("count>1",)),),
    )

    result = finished(imported, UNSAFE)

    assert TOKEN not in str(result)
    assert result.workload.data == (RandomChoice("a", ("b",)),)
    assert result.files == {"x.csv": "a,b\n2,3\n"}
    assert [one.what for one in result.dropped] == ["[redacted]", "host [31m routes: []"]
    assert len(result.dropped[1].reason) == 300
    assert result.notes == ("[redacted]", "two lines")


@pytest.mark.parametrize(
    "changes", [{"path": "no-slash"}, {"headers": (("X-A", "a\nb"),)}, {"headers": (("Host", "x"),)}, {"method": "TRACE"}, {"name": "a,b"}]
)
def test_a_request_that_a_workload_does_not_accept_is_dropped(changes: dict[str, Any]) -> None:
    """Otherwise one odd operation would make the whole file unusable."""
    result = finished(Imported(Workload((HOME, WorkloadRoute(**{"name": "odd", "path": "/a", **changes})))), UNSAFE)

    assert result.workload.routes == (HOME,)
    assert len(result.dropped) == 1


def test_routes_of_active_journeys_are_sent_only_as_steps() -> None:
    """They would be sent twice as often as they were seen."""
    journey = WorkloadJourney("visit", (WorkloadStep("home"), WorkloadStep("more")))
    workload = Workload((HOME, WorkloadRoute("more", "/more"), WorkloadRoute("alone", "/alone", weight=3)), (journey,))

    result = finished(Imported(workload), UNSAFE)

    assert {one.name: one.weight for one in active_workload(result).routes} == {"home": 0, "more": 0, "alone": 3}
    assert result.notes == ("the load counts journeys, and one sends up to 2 requests",)


def test_an_import_without_any_request_is_refused() -> None:
    """With the reasons for which everything was dropped."""
    with pytest.raises(SettingsError, match="none of the requests can be in a workload") as caught:
        finished(Imported(Workload(), dropped=(Dropped("GET /a", "deprecated", 2),)), UNSAFE)

    assert caught.value.last_state == "GET /a: deprecated (2)"
