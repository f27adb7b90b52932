"""Valid burst plans, and what is refused before anything is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route, Stage
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.load.variables import Choice, Constant, Counter, RandomInt, Rows, Uuid, Variable

URL = "http://127.0.0.1:8080/"
LOOP = OpenLoop.constant(100, seconds=1)
PLAIN = Route(URL, name="home")
CART = Route(URL, name="cart", header_templates=(("Authorization", Template(("Bearer ", Placeholder("token")))),))
STEP = replace(CART, weight=0, journey="buy")
LOGIN = Route(URL, name="login", weight=0, journey="buy", extract=(Extraction("token", "json", "token"),))
TOKEN = (("token", "x"),)


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
        (lambda: Route(URL, host="a\r\nb"), "not a host name: it contains a space, a line break"),
        (lambda: Route(URL, weight=-1), "weight"),
        (lambda: Step(0, -1), "pause"),
        (lambda: Journey("buy", ()), "no steps"),
        (lambda: Journey("", (Step(0),)), "a journey needs a name"),
        (lambda: Journey("buy", (Step(0),), weight=-1), "weight of buy"),
        (lambda: Route(URL, timeout=0), "the timeout of 127.0.0.1"),
        (lambda: Route(URL, path=Template(("a/", Placeholder("b", Encoding.URL)))), "does not start with a slash"),
        (lambda: Route(URL, path=Template((Placeholder("b", Encoding.URL),))), "the path '' does not start"),
        (lambda: Route(URL, path=Template(("/a#b",))), "fragment"),
        (lambda: Route(URL, path=Template(("/a/", Placeholder("b")))), "encoded for a URL"),
        (lambda: Route(URL, path=Template(("/a\nb",))), "control character"),
        (lambda: Route(URL, header_templates=(("X-A", Template(("a\r\nX-B: ", Placeholder("b")))),)), "header 'X-A' contains a line break"),
        (lambda: Route(URL, header_templates=(("X A", Template((Placeholder("b"),))),)), "not a header name"),
        (lambda: Route(URL, body=b"a", body_template=Template(("b",))), "two bodies"),
        (lambda: BurstPlan((), LOOP), "at least one route"),
        (lambda: BurstPlan((Route(URL),), LOOP, timeout=0), "the timeout must"),
        (lambda: BurstPlan((Route(URL),), LOOP, seed=-1), "seed"),
        (lambda: BurstPlan((Route(URL),), LOOP, in_flight=0), "in-flight cap"),
        (lambda: BurstPlan((Route(URL),), LOOP, processes=65), "processes"),
        (lambda: BurstPlan((Route(URL, weight=9000), Route(URL, weight=9000)), LOOP), "common factor"),
        (lambda: BurstPlan((Route(URL, weight=0),), LOOP), "nothing has a weight above 0"),
    ],
)
def test_an_invalid_plan_is_rejected_with_its_reason(make: Callable[[], object], reason: str) -> None:
    """Nothing is clamped or guessed."""
    with pytest.raises(LoadError, match=reason):
        make()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: BurstPlan((CART,), LOOP), "cart needs the value 'token', which has no definition"),
        (lambda: BurstPlan((replace(CART, arm="base"),), LOOP, setup_values=(("head", TOKEN),)), "cart needs the value 'token'"),
        (
            lambda: BurstPlan((CART,), LOOP, setup_values=(("", (("token", "a\nb"),)),)),
            "it contains a line break",
        ),
        (lambda: BurstPlan((CART,), LOOP, variables=(Rows("token", ("",), (("a",), ("\x01",))),)), "it contains a control character"),
        (lambda: BurstPlan((PLAIN,), LOOP, variables=(Uuid("a"), Counter("a"))), "the value 'a' is defined 2 times"),
        (lambda: BurstPlan((PLAIN,), LOOP, variables=(Uuid("token"),), setup_values=(("", TOKEN),)), "'token' is defined 2 times"),
        (lambda: BurstPlan((CART,), ClosedLoop(1, requests=1), variables=(Uuid("token"),)), "requests with placeholders"),
    ],
)
def test_a_plan_whose_values_are_unusable_is_rejected(make: Callable[[], object], reason: str) -> None:
    """Every placeholder has exactly one value when its request is sent, and a header's value is one line."""
    with pytest.raises(LoadError, match=reason):
        make()


@pytest.mark.parametrize(
    ("steps", "arm", "reason"),
    [
        ((Step(9),), "", "is route 9, but there are 3"),
        ((Step(-1),), "", "is route -1, but there are 3"),
        ((Step(2),), "", "must be a route of that journey and arm"),
        ((Step(0), Step(1)), "base", "a route of that journey and arm, with weight 0"),
        ((Step(1), Step(0)), "", "step 1 of buy needs the value 'token', which has no definition"),
    ],
)
def test_a_journey_whose_steps_do_not_fit_is_rejected(steps: tuple[Step, ...], arm: str, reason: str) -> None:
    """A step may use what earlier steps extract, and belongs to one journey."""
    journey = Journey("buy", steps, arm=arm)
    with pytest.raises(LoadError, match=reason):
        BurstPlan((LOGIN, STEP, PLAIN), LOOP, journeys=(journey,))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: BurstPlan((LOGIN, PLAIN), LOOP, journeys=(Journey("buy", (Step(0),)),) * 2), "two journeys are named buy"),
        (lambda: BurstPlan((LOGIN, PLAIN), ClosedLoop(1, requests=1), journeys=(Journey("buy", (Step(0),)),)), "open loop for journeys"),
        (lambda: BurstPlan((LOGIN,), LOOP, journeys=(Journey("buy", (Step(0),), weight=0),)), "nothing has a weight above 0"),
    ],
)
def test_journeys_that_cannot_be_sent_are_rejected(make: Callable[[], object], reason: str) -> None:
    """Their figures would be mixed up, or there would be none."""
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
    route = Route(URL, host, "POST", (("X-A", "1"),), body, arm="base", weight=3, expect=Expectation(json=(("a.0", "1"),)))
    loop = OpenLoop((Stage(seconds, rate, rate / 2),), "uniform")
    plan = BurstPlan((route,), loop, timeout=timeout, keep_alive=False, http_version="2")
    assert BurstPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_closed_loop_survives_json() -> None:
    """The two kinds of loop remain distinct."""
    plan = BurstPlan((Route(URL),), ClosedLoop(4, requests=9))
    assert BurstPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


VARIABLES: tuple[Variable, ...] = (
    Rows("user", ("email", "age"), (("a@b.c", 7), ("d@e.f", None)), "random"),
    Counter("n", 5),
    Uuid("id"),
    RandomInt("size", 1, 9),
    Choice("color", ("red", 1, 1.0, True, None)),
    Constant("key", "hush", secret=True),
    Constant("region", {"name": "eu", "zones": [1, 2.5]}),
)
WORKLOAD = BurstPlan(
    (
        replace(LOGIN, body_template=Template(('{"email": ', Placeholder("user.email", Encoding.JSON), "}")), timeout=2.5),
        replace(STEP, path=Template(("/cart?n=", Placeholder("n", Encoding.URL))), tags=(("team", "shop"),)),
        Route(URL, expect=Expectation(((200, 299), (404, 404)), (("Content-Type", "json"),), schema='{"type": "object"}', sample=0.5)),
    ),
    LOOP,
    variables=VARIABLES,
    setup_values=(("", (("demo", {"id": 7}), ("note", None))),),
    salt="x1",
    journeys=(Journey("buy", (Step(0), Step(1, 0.5)), 3, tags=(("group", "g"),)),),
)


def test_a_workload_survives_json() -> None:
    """Values keep their JSON types, and variables their kind: a counter differs from a UUID, and 1 from 1.0 and true."""
    again = BurstPlan.from_json(json.loads(json.dumps(WORKLOAD.to_json())))
    assert again == WORKLOAD
    assert repr((again.variables, again.setup_values)) == repr((WORKLOAD.variables, WORKLOAD.setup_values))


def test_a_masked_workload_holds_no_content_of_files_secrets_or_setup() -> None:
    """Results are stored with their plan; the masked plan still has the same names, so it can be read again."""
    text = json.dumps(WORKLOAD.masked.to_json())
    assert not [secret for secret in ("a@b.c", "d@e.f", "hush", '"id": 7', "Bearer") if secret in text]
    assert BurstPlan.from_json(json.loads(text)) == WORKLOAD.masked


def test_a_number_of_requests_is_kept_exactly() -> None:
    """50 requests stay 50 requests at any rate."""
    assert OpenLoop.constant(7, requests=50).count == 50
