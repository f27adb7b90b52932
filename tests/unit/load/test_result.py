"""Merging the generators' parts of a burst, and the JSON form."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.aggregate import burst_result
from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, OK
from kindgate.load.result import BurstResult, Health
from kindgate.load.variables import Constant

PLAN = BurstPlan(
    (
        Route("http://127.0.0.1/", name="a", arm="base", tags=(("team", "x"),)),
        Route("http://127.0.0.1/", name="a", arm="head"),
        Route("http://127.0.0.1/", name="a", arm="head", journey="buy", weight=0),
    ),
    OpenLoop.constant(100, seconds=1),
    variables=(Constant("key", "hush", secret=True),),
    journeys=(Journey("buy", (Step(2),), arm="head", tags=(("group", "g"),)),),
)
MS = 1_000_000


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[int, ...]]:
    """Requests with any outcome."""
    table: list[tuple[int, ...]] = []
    for _ in range(draw(st.integers(0, 12))):
        intended = draw(st.integers(0, 900)) * MS
        outcome = draw(st.sampled_from([OK, OK, OK, LATE, *CODES.values()]))
        lag, service = draw(st.integers(0, 50 * MS)), draw(st.integers(1000, 90 * MS))
        sent = -1 if outcome in {LATE, CODES[max(CODES)]} else intended + lag
        table.append((draw(st.integers(0, 2)), intended, sent, intended + lag + service, 0, service // 1000, outcome, 200))
    return table


def part(table: list[tuple[int, ...]]) -> BurstResult:
    """One generator's result; the requests of the third route are journeys of one step."""
    requests = np.array(table, np.int64).reshape(-1, 8)
    journeys = requests[requests[:, 0] == 2] - [2, 0, 0, 0, 0, 0, 0, 0]
    followed = [int((requests[:, 0] == route).sum()) for route in range(3)]
    return burst_result(PLAN, requests, started=50.0, health=Health(), connections=2, journeys=journeys, followed=followed)


@settings(max_examples=20)
@given(a=rows(), b=rows(), c=rows())
def test_merged_parts_equal_the_result_of_all_rows(a: list[tuple[int, ...]], b: list[tuple[int, ...]], c: list[tuple[int, ...]]) -> None:
    """Order and grouping do not matter; times, counts and timeline are bit-exact."""
    first, second, third = part(a), part(b), part(c)
    expected = BurstResult.merged([part(a + b + c)])
    assert expected.total.redirects_followed == len(a + b + c)
    for merged in (
        BurstResult.merged([first, second, third]),
        BurstResult.merged([BurstResult.merged([third, second]), first]),
    ):
        assert merged.series == expected.series
        assert merged.journeys == expected.journeys
        assert (merged.loop_lag, merged.cap_wait, merged.send_lag) == (expected.loop_lag, expected.cap_wait, expected.send_lag)
        assert [(slot.start, slot.sent, slot.failed, slot.response) for slot in merged.timeline] == [
            (slot.start, slot.sent, slot.failed, slot.response) for slot in expected.timeline
        ]
        assert merged.late == expected.late
        assert merged.health.processes == 3


@settings(max_examples=20)
@given(table=rows())
def test_a_result_survives_json(table: list[tuple[int, ...]]) -> None:
    """Nothing is lost in a round trip through a file."""
    result = part(table)
    again = BurstResult.from_json(json.loads(json.dumps(result.to_json())))
    assert again == replace(result, plan=PLAN.masked)
    assert "hush" not in json.dumps(result.to_json())


@pytest.mark.parametrize("foreign", [{}, [], {"plan": 1}, None])
def test_other_json_is_rejected(foreign: object) -> None:
    """Other JSON is not a burst."""
    with pytest.raises(LoadError, match="not a burst result"):
        BurstResult.from_json(foreign)
