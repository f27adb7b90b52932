"""Valid burst plans, and what is refused before anything is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, Check, ClosedLoop, OpenLoop, Route, Stage

URL = "http://127.0.0.1:8080/"
LOOP = OpenLoop.constant(100, seconds=1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: OpenLoop.constant(0, seconds=1), "rate must be greater than 0, not 0"),
        (lambda: OpenLoop.constant(-5, seconds=1), "rate must be greater than 0, not -5"),
        (lambda: OpenLoop.constant(math.nan, seconds=1), "rate must be greater than 0, not nan"),
        (lambda: OpenLoop.constant(10, seconds=-1), "duration must be greater than 0"),
        (lambda: OpenLoop.constant(10, requests=0), "number of requests must be greater than 0"),
        (lambda: OpenLoop.constant(10), "a duration or a number of requests"),
        (lambda: OpenLoop.constant(10, seconds=1, requests=5), "not both"),
        (lambda: OpenLoop.constant(1, seconds=0.1), "yield no requests"),
        (lambda: OpenLoop.constant(1e6, seconds=1e6), "too long"),
        (lambda: Stage(1, -1, 5), "a rate cannot be -1"),
        (lambda: ClosedLoop(0, seconds=1), "number of users"),
        (lambda: ClosedLoop(5), "needs a duration"),
        (lambda: ClosedLoop(5, requests=4), "cannot share"),
        (lambda: Route("ftp://host/"), "not an http or https URL"),
        (lambda: Route("http://host:99999/"), "is not a URL"),
        (lambda: Route(URL, method="GET /"), "not an HTTP method"),
        (lambda: Route(URL, host="a\r\nb"), "line break"),
        (lambda: Route(URL, weight=0), "weight"),
        (Check, "needs a substring"),
        (lambda: Check(size=1, equals="1"), "JSON path"),
        (lambda: BurstPlan((), LOOP), "at least one route"),
        (lambda: BurstPlan((Route(URL),), LOOP, timeout=0), "timeout"),
        (lambda: BurstPlan((Route(URL),), LOOP, seed=-1), "seed"),
        (lambda: BurstPlan((Route(URL),), LOOP, in_flight=0), "in-flight cap"),
        (lambda: BurstPlan((Route(URL),), LOOP, processes=65), "processes"),
        (lambda: BurstPlan((Route(URL, weight=9000), Route(URL, weight=9000)), LOOP), "common factor"),
    ],
)
def test_an_invalid_plan_is_rejected_with_its_reason(make: Callable[[], object], reason: str) -> None:
    """Nothing is clamped or guessed."""
    with pytest.raises(LoadError, match=reason):
        make()


@given(
    body=st.binary(max_size=64),
    rate=st.floats(10, 1e4),
    seconds=st.floats(0.5, 10),
    host=st.from_regex(r"[a-z]{1,9}\.localhost", fullmatch=True),
    timeout=st.floats(0.1, 60),
)
def test_a_plan_survives_json(body: bytes, rate: float, seconds: float, host: str, timeout: float) -> None:
    """Generators on other machines get exactly what was planned, including bodies with arbitrary bytes."""
    route = Route(URL, host, "POST", (("X-A", "1"),), body, arm="base", weight=3, check=Check(json_path="a.0", equals="1"))
    loop = OpenLoop((Stage(seconds, rate, rate / 2),), "uniform")
    plan = BurstPlan((route,), loop, timeout=timeout, keep_alive=False, http_version="2")
    assert BurstPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_closed_loop_survives_json() -> None:
    """The two kinds of loop remain distinct."""
    plan = BurstPlan((Route(URL),), ClosedLoop(4, requests=9))
    assert BurstPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_number_of_requests_is_kept_exactly() -> None:
    """50 requests stay 50 requests at any rate."""
    assert OpenLoop.constant(7, requests=50).count == 50
