"""Journeys against a real server: what their steps send, when, and what is recorded if one fails or the burst ends early."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kindgate.load.burst_progress import BurstProgress
from kindgate.load.curl_multi import SweepingTransfers
from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.journey import Journey, Step
from kindgate.load.journeys import JourneyEngine
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, OK, Column, Rows
from kindgate.load.result import BurstResult, FailureKind
from kindgate.load.schedule import NANOS, Schedule
from kindgate.load.streams import EntryValues
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.load.variables import Counter
from tests.unit.load.conftest import Serve, answering, hanging, read_request
from tests.unit.load.shop_server import Shop

BODY = Template(('{"email": "u', Placeholder("n", Encoding.JSON_STRING), '@host", "n": ', Placeholder("n", Encoding.JSON), "}"))
CART = Template(("/cart?u=", Placeholder("user", Encoding.URL), "&n=", Placeholder("n", Encoding.URL)))


def shop_plan(url: str, *, thinks: tuple[float, float, float] = (0, 0, 0), requests: int = 6, **changes: object) -> BurstPlan:
    """Journeys of login, cart and checkout, and as many requests to the home page."""
    login = Route(
        url,
        "shop.localhost",
        "POST",
        name="login",
        weight=0,
        journey="buy",
        path=Template(("/login",)),
        body_template=BODY,
        extract=(Extraction("token", "json", "token"), Extraction("user", "header", "Location"), Extraction("id", "cookie", "session")),
    )
    bearer = (("Authorization", Template(("Bearer ", Placeholder("token")))),)
    cart = Route(url, "shop.localhost", name="cart", weight=0, journey="buy", path=CART, header_templates=bearer)
    checkout = Route(
        url, "shop.localhost", "POST", name="checkout", weight=0, journey="buy", path=Template(("/checkout",)), tags=(("team", "pay"),)
    )
    steps = tuple(Step(index, think) for index, think in enumerate(thinks))
    plan = BurstPlan(
        (login, cart, checkout, Route(url, "shop.localhost", name="home")),
        OpenLoop.constant(100, requests=requests, arrival="uniform"),
        variables=(Counter("n"),),
        journeys=(Journey("buy", steps, tags=(("group", "g"),)),),
        processes=1,
        timeout=20,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]  # any field of the plan


def send(plan: BurstPlan, pool: GeneratorPool, stop: Callable[[], bool] | None = None) -> tuple[BurstResult, Rows]:
    """Send the plan; return the result and the rows of its requests."""
    rows: list[Rows] = []
    result = run_burst(plan, pool=pool, on_rows=rows.append, stop=stop)
    return result, rows[0]


def release_after(shop: Shop, logins: int) -> Callable[[], bool]:
    """Release the held requests when so many users have logged in; to be called while a burst runs, which it does not stop."""

    def release() -> bool:
        if shop.logins == logins:
            shop.release.set()
        return False

    return release


def steps_of(rows: Rows, route: int) -> Rows:
    """The rows of one route, in the order of their intended times."""
    chosen: Rows = rows[rows[:, Column.ROUTE] == route]
    order = chosen[:, Column.INTENDED].argsort(kind="stable")
    return chosen[order]


def test_a_step_uses_what_earlier_steps_have_found(serve: Serve, pool: GeneratorPool) -> None:
    """Token, header and number of each user go from step to step; users do not mix."""
    shop = Shop()
    result, _ = send(shop_plan(serve(shop.handle), requests=12), pool)

    assert (result.failed, len(result.journeys)) == ({}, 1)
    buy = result.journeys[0]
    assert (buy.journey, buy.tags, buy.scheduled, buy.started, buy.completed, buy.failed) == ("buy", (("group", "g"),), 6, 6, 6, 0)
    emails = {json.loads(each.body)["email"]: json.loads(each.body)["n"] for each in shop.received if each.path == "/login"}
    assert emails == {f"u{n}@host": n for n in emails.values()}
    carts = [each for each in shop.received if each.path.startswith("/cart")]
    numbers = [each.headers["authorization"].removeprefix("Bearer t") for each in carts]
    assert sorted(numbers) == [str(number) for number in range(1, 7)]
    assert {each.path.partition("&")[0] for each in carts} == {f"/cart?u=%2Fusers%2F{number}" for number in numbers}
    assert {int(each.path.partition("&n=")[2]) for each in carts} == set(emails.values())


def test_cookies_stay_within_one_journey(serve: Serve, pool: GeneratorPool) -> None:
    """Each user has their own session, sent only to the paths that it is for; a new user starts without cookies."""
    shop = Shop(held=frozenset({"/cart"}))
    result, _ = send(shop_plan(serve(shop.handle), requests=12), pool, release_after(shop, logins=6))

    assert result.failed == {}
    for each in shop.received:
        cookies = dict(pair.split("=") for pair in each.headers.get("cookie", "").split("; ") if pair)
        if each.path in {"/login", "/"}:
            assert cookies == {}
        elif each.path == "/checkout":
            assert set(cookies) == {"session"}
        else:
            assert cookies == {"session": each.headers["authorization"].removeprefix("Bearer t"), "theme": "dark"}
    assert len({each.headers["cookie"] for each in shop.received if each.path == "/checkout"}) == 6


def test_a_step_is_due_when_the_step_before_has_ended_and_its_pause_is_over(serve: Serve, pool: GeneratorPool) -> None:
    """Its response time counts from that moment; the journey's duration spans all of it."""
    result, rows = send(shop_plan(serve(Shop().handle), thinks=(0.03, 0.2, 0), requests=2), pool)

    (login,), (cart,), (checkout,) = (steps_of(rows, route) for route in range(3))
    started = login[Column.INTENDED] - round(0.03 * NANOS)
    assert started % (NANOS // 100) == 0
    assert cart[Column.INTENDED] - login[Column.DONE] == round(0.2 * NANOS)
    assert checkout[Column.INTENDED] == cart[Column.DONE]
    assert min(each[Column.SENT] - each[Column.INTENDED] for each in (login, cart, checkout)) >= 0
    assert result.journeys[0].duration.values.tolist() == [(checkout[Column.DONE] - started) // 1000]


@pytest.mark.parametrize(
    ("fail", "sent"), [("/login", ["/login"]), ("/cart", ["/login", "/cart"]), ("/checkout", ["/login", "/cart", "/checkout"])]
)
def test_a_failed_step_ends_its_journey(fail: str, sent: list[str], serve: Serve, pool: GeneratorPool) -> None:
    """Later steps are not sent; the journey has failed and has no duration."""
    shop = Shop(fail={fail: 500})
    result, _ = send(shop_plan(serve(shop.handle), requests=2), pool)

    assert [path.partition("?")[0] for path in shop.paths() if path != "/"] == sent
    assert result.failed == {FailureKind.HTTP: 1}
    buy = result.journeys[0]
    assert (buy.started, buy.completed, buy.failed, buy.duration.count) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    "extraction", [Extraction("token", "json", "missing"), Extraction("token", "regex", "nothing"), Extraction("token", "cookie", "no")]
)
def test_a_value_that_is_not_found_fails_its_step(extraction: Extraction, serve: Serve, pool: GeneratorPool) -> None:
    """A step without its value would be another request."""
    shop = Shop()
    plan = shop_plan(serve(shop.handle), requests=2)
    plan = replace(plan, routes=(replace(plan.routes[0], extract=(extraction, Extraction("user", "header", "Location"))), *plan.routes[1:]))
    result, _ = send(plan, pool)

    assert (result.failed, result.journeys[0].failed) == ({FailureKind.CHECK: 1}, 1)
    assert (result.total.checks_passed, result.total.checks_failed) == (0, 1)
    assert [path for path in shop.paths() if path != "/"] == ["/login"]


def test_a_value_with_a_line_break_never_becomes_a_header(serve: Serve, pool: GeneratorPool) -> None:
    """It would let one server's answer add headers to the next request."""
    shop = Shop()
    plan = shop_plan(serve(shop.handle), requests=2)
    found = (Extraction("token", "regex", "([^x]*)"), Extraction("user", "header", "Location"))
    login = replace(plan.routes[0], extract=found, path=Template(("/broken",)))
    shop.bodies["/broken"] = b"a\r\nX-Evil: 1"
    result, _ = send(replace(plan, routes=(login, *plan.routes[1:])), pool)

    assert (result.failed, result.journeys[0].failed) == ({FailureKind.CHECK: 1}, 1)
    assert [path for path in shop.paths() if path != "/"] == ["/broken"]


def test_journeys_start_on_time_however_slow_the_server(serve: Serve, pool: GeneratorPool) -> None:
    """All carts are held until every user has logged in: with users who wait for each other this would never end."""
    shop = Shop(held=frozenset({"/cart"}))
    result, rows = send(shop_plan(serve(shop.handle), requests=40), pool, release_after(shop, logins=20))

    assert (result.failed, result.journeys[0].completed) == ({}, 20)
    assert set((steps_of(rows, 0)[:, Column.INTENDED] % (NANOS // 100)).tolist()) == {0}
    assert steps_of(rows, 1)[0, Column.DONE] > steps_of(rows, 0)[-1, Column.SENT]


def test_generators_share_journeys_and_each_keeps_its_own(serve: Serve, pool: GeneratorPool) -> None:
    """Three of them complete as many journeys as one, with the same values."""
    shop = Shop()
    result, rows = send(shop_plan(serve(shop.handle), requests=30, processes=3), pool)

    assert (result.failed, result.health.processes, result.journeys[0].completed) == ({}, 3, 15)
    assert [len(steps_of(rows, route)) for route in range(4)] == [15] * 4
    numbers = sorted(json.loads(each.body)["n"] for each in shop.received if each.path == "/login")
    assert len(set(numbers)) == 15
    assert [(series.route, series.journey, series.tags) for series in result.series] == [
        ("login", "buy", ()),
        ("cart", "buy", ()),
        ("checkout", "buy", (("team", "pay"),)),
        ("home", "", ()),
    ]


def test_an_interrupted_burst_fails_its_unanswered_journeys_and_leaves_out_paused_ones(serve: Serve, pool: GeneratorPool) -> None:
    """A user who is thinking is neither waiting for the server nor lost."""
    shop = Shop(held=frozenset({"/cart"}))
    url = serve(shop.handle)
    waiting, _ = send(shop_plan(url, requests=8), pool, lambda: shop.paths().count("/") == 4 and len(shop.received) == 12)
    thinking, _ = send(shop_plan(url, thinks=(0, 60, 0), requests=8), pool, lambda: len(shop.received) == 20)
    shop.release.set()

    buy = waiting.journeys[0]
    assert waiting.interrupted
    assert (waiting.failed, buy.started, buy.failed, buy.completed) == ({FailureKind.UNANSWERED: 4}, 4, 4, 0)
    buy = thinking.journeys[0]
    assert thinking.interrupted
    assert (thinking.failed, buy.scheduled, buy.failed) == ({}, 0, 0)
    assert thinking.total.completed == 8


def sent_late(url: str, journeys: int, *, late: float, timeout: float, cap: int) -> JourneyEngine:
    """Return an engine after a burst of journeys of two steps, which were all due `late` seconds ago."""
    steps = tuple(Route(url, name=name, weight=0, journey="buy") for name in ("first", "second"))
    loop = OpenLoop.constant(100, requests=journeys)
    plan = BurstPlan(steps, loop, timeout=timeout, journeys=(Journey("buy", (Step(0), Step(1))),))
    transfers = SweepingTransfers()
    engine = JourneyEngine(plan, transfers, cap, lambda _now, _in_flight: False)
    due, entries = np.zeros(journeys, np.int64), np.full(journeys, 2)
    values = (EntryValues({}, ()),) * 3
    assert engine.run_open(Schedule(due, entries, np.arange(journeys)), lambda: time.monotonic_ns() - round(late * NANOS), values)
    transfers.close()
    return engine


def test_journeys_that_a_late_generator_never_started_are_not_failures(serve: Serve) -> None:
    """Slots were free all the time: neither their steps nor the journeys are the server's fault."""
    engine = sent_late(serve(answering()), 3, late=10, timeout=1, cap=100)

    assert engine.recorder.rows()[:, (Column.ROUTE, Column.SENT, Column.OUTCOME)].tolist() == [[0, -1, LATE]] * 3
    assert engine.journeys.rows()[:, (Column.ROUTE, Column.SENT, Column.OUTCOME)].tolist() == [[0, -1, LATE]] * 3


def test_a_journey_that_finds_no_slot_in_time_has_failed(serve: Serve) -> None:
    """A silent server holds the only slot until its request times out: the other users have waited just as long."""
    engine = sent_late(serve(hanging), 3, late=0, timeout=0.5, cap=1)

    outcomes = engine.recorder.rows()[:, Column.OUTCOME].tolist()
    assert sorted(outcomes) == sorted([CODES[FailureKind.TIMEOUT], CODES[FailureKind.UNSENT], CODES[FailureKind.UNSENT]])
    assert sorted(engine.journeys.rows()[:, Column.OUTCOME].tolist()) == sorted(outcomes)
    assert (engine.journeys.rows()[:, Column.SENT] >= 0).sum() == 1


def test_steps_wait_for_slots_like_requests(serve: Serve) -> None:
    """With one slot, three users take turns; each wait for a slot is recorded with the step that waited."""
    engine = sent_late(serve(answering()), 3, late=0, timeout=20, cap=1)

    rows = engine.recorder.rows()
    assert rows[:, Column.OUTCOME].tolist() == [OK] * 6
    ordered = rows[rows[:, Column.SENT].argsort(kind="stable")]
    assert (ordered[1:, Column.SENT] >= ordered[:-1, Column.DONE]).all()
    assert (rows[:, Column.CAP_WAIT] > 0).sum() >= 2
    assert engine.journeys.rows()[:, Column.OUTCOME].tolist() == [OK] * 3


class CountingTransfers(SweepingTransfers):
    """Counts the turns of the engine."""

    turns = 0

    def drive(self, timeout: float) -> bool:
        """Count a turn."""
        self.turns += 1
        return super().drive(timeout)


def first_answered(connection: socket.socket) -> None:
    """Answer requests for /first on a new connection, and no others."""
    while True:
        if not read_request(connection).startswith(b"GET /first"):
            hanging(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo")


def test_a_burst_without_a_free_slot_sleeps_and_loses_what_is_due_when_it_is_interrupted(serve: Serve) -> None:
    """A request holds the only slot for longer than some of those that wait for it, also behind a step that has more time.

    The engine does not poll for the slot; when the burst ends, the journeys that wait are lost like requests.
    """
    url = serve(first_answered)
    first = Route(url + "first", name="first", weight=0, journey="buy")
    second = Route(url + "second", name="second", weight=0, journey="buy", timeout=20)
    home = Route(url, name="home", timeout=20)
    journey = Journey("buy", (Step(0), Step(1)))
    plan = BurstPlan((first, second, home), OpenLoop.constant(100, requests=4), timeout=0.3, journeys=(journey,))
    transfers = CountingTransfers()
    engine = JourneyEngine(plan, transfers, 1, lambda now, _in_flight: now > NANOS)
    due = np.array([0, 0, NANOS // 5, NANOS // 5])
    assert not engine.run_open(Schedule(due, np.array([3, 2, 3, 3]), np.array([0, 0, 1, 2])), time.monotonic_ns, (EntryValues({}, ()),) * 4)
    transfers.close()

    unsent, unanswered = CODES[FailureKind.UNSENT], CODES[FailureKind.UNANSWERED]
    rows = engine.recorder.rows()[:, (Column.ROUTE, Column.OUTCOME)].tolist()
    assert sorted(rows) == sorted([[0, OK], [1, unsent], [2, unanswered], [0, unsent], [0, unsent]])
    assert engine.journeys.rows()[:, Column.OUTCOME].tolist() == [unsent] * 3
    assert transfers.turns < 1000


def test_a_response_that_violates_its_schema_fails_its_step_and_its_journey(serve: Serve, pool: GeneratorPool) -> None:
    """The schema is checked when the burst is over, so the later steps have been sent."""
    shop = Shop(bodies={"/cart": b'{"items": "none"}'})
    plan = shop_plan(serve(shop.handle), requests=8)
    schema = '{"properties": {"items": {"type": "array"}}}'
    checked = [replace(route, expect=Expectation(schema=schema, sample=0.5)) for route in plan.routes]
    result, _ = send(replace(plan, routes=tuple(checked)), pool)

    buy = result.journeys[0]
    assert (result.failed, buy.started, buy.completed, buy.failed, buy.duration.count) == ({FailureKind.CHECK: 2}, 4, 2, 2, 2)
    assert [series.failures for series in result.series] == [0, 2, 0, 0]
    assert len([path for path in shop.paths() if path == "/checkout"]) == 4


def test_progress_is_reported_while_journeys_run(serve: Serve, pool: GeneratorPool) -> None:
    """Their steps count as requests."""
    reported: list[BurstProgress] = []
    plan = shop_plan(serve(Shop().handle), requests=100)
    result = run_burst(plan, pool=pool, on_progress=reported.append)

    assert 0 < reported[-1].ended <= result.scheduled == 200
