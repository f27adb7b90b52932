"""From raw rows to figures: which clock counts for what, and which requests belong to which series."""

from __future__ import annotations

import numpy as np
import pytest

from kindgate.load.aggregate import burst_result
from kindgate.load.expectation import Expectation
from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, OK, Rows
from kindgate.load.result import BurstResult, FailureKind, Health

MS = 1_000_000
PLAN = BurstPlan(
    (Route("http://127.0.0.1/", name="a"), Route("http://127.0.0.1/", name="b", expect=Expectation(substring="x"))),
    OpenLoop.constant(10, seconds=1),
)


def row(
    route: int = 0, intended: float = 0, sent: float = 0, done: float = 0, *, cap_wait: float = 0, outcome: int = OK, status: int = 200
) -> tuple[int, ...]:
    """Build one request with a body of 7 bytes; times in milliseconds, and a negative `sent` means never sent."""
    return (route, int(intended * MS), int(sent * MS) if sent >= 0 else -1, int(done * MS), int(cap_wait * MS), 300, outcome, 7000 + status)


def result_of(*rows: tuple[int, ...], plan: BurstPlan = PLAN, interrupted: bool = False) -> BurstResult:
    """Return the result measured from these rows."""
    table: Rows = np.array(rows, np.int64).reshape(-1, 8)
    return burst_result(plan, table, started=1000.0, health=Health(), interrupted=interrupted)


def test_response_time_counts_from_the_intended_moment() -> None:
    """The request is intended at 10 ms, held by the cap until 60 ms, sent at 61 ms and answered at 65 ms."""
    result = result_of(row(intended=10, sent=61, done=65, cap_wait=50))
    total = result.total
    assert (total.response.max, total.service.max, total.waiting.max) == (55_000, 4_000, 300)
    assert (result.cap_wait.max, result.loop_lag.max, result.send_lag.max) == (50_000, 1_000, 51_000)


def test_failures_are_excluded_from_response_times() -> None:
    """A fast error does not make the service look fast."""
    fast_error = row(done=1, outcome=CODES[FailureKind.HTTP], status=503)
    total = result_of(row(done=9), fast_error, row(done=99, outcome=CODES[FailureKind.TIMEOUT], status=0)).total
    assert total.response.max == total.response.min == 9_000
    assert total.failed_response.count == 2
    assert total.failed == {FailureKind.HTTP: 1, FailureKind.TIMEOUT: 1}
    assert total.service.count == 2
    assert total.status == {200: 1, 503: 1}


def test_bytes_without_an_http_status_are_an_http_error() -> None:
    """They fail as HTTP errors, but without a status and a time to first byte."""
    total = result_of(row(done=9), row(done=3, outcome=CODES[FailureKind.HTTP], status=0)).total

    assert (total.failed, total.status) == ({FailureKind.HTTP: 1}, {200: 1})
    assert (total.waiting.count, total.service.count) == (1, 1)


def test_unsent_requests_fail_and_late_ones_are_counted_as_late() -> None:
    """Both count as dropped, but only late requests make the generator unpunctual."""
    result = result_of(row(), row(sent=-1, outcome=CODES[FailureKind.UNSENT]), row(sent=-1, outcome=LATE), row())
    assert (result.scheduled, result.sent, result.dropped, result.late) == (4, 2, 2, 1)
    assert result.failed == {FailureKind.UNSENT: 1}
    assert result.punctual_share == pytest.approx(0.75)


def test_checks_are_counted_only_with_a_check_and_a_good_status() -> None:
    """A server error is not a failed check: its body was not checked."""
    bad_body = row(1, outcome=CODES[FailureKind.CHECK])
    result = result_of(row(0), row(1), row(1), bad_body, row(1, outcome=CODES[FailureKind.HTTP], status=500))
    a, b = result.series
    assert (a.checks_passed, a.checks_failed) == (0, 0)
    assert (b.checks_passed, b.checks_failed) == (2, 1)
    assert b.bytes_received == 28


def test_the_timeline_puts_every_event_into_its_own_slot() -> None:
    """A request sent at 50 ms and answered at 250 ms is in flight at the end of the first two slots."""
    slots = result_of(row(intended=40, sent=50, done=250), row(intended=150, sent=150, done=160, outcome=CODES[FailureKind.RESET])).timeline
    assert [slot.sent for slot in slots] == [1, 1, 0]
    assert [slot.answered for slot in slots] == [0, 0, 1]
    assert [slot.failed for slot in slots] == [0, 1, 0]
    assert [slot.in_flight for slot in slots] == [1, 1, 0]
    assert [slot.response.count for slot in slots] == [1, 0, 0]
    assert slots[0].response.max == 210_000


def test_the_rate_is_over_the_planned_time_and_longer_when_sending_was_late() -> None:
    """Ten requests planned for one second are 10 per second, even though the last was sent before the second was over."""
    rows = [row(intended=100 * n, sent=100 * n, done=100 * n + 1) for n in range(10)]
    assert result_of(*rows).achieved_rate == pytest.approx(10)
    assert result_of(*rows[:-1], row(intended=900, sent=2000, done=2001)).achieved_rate == pytest.approx(5)


def test_an_interrupted_burst_is_rated_over_the_time_that_it_ran() -> None:
    """Half of the plan was sent in half of the time."""
    rows = [row(intended=100 * n, sent=100 * n, done=100 * n + 1) for n in range(6)]
    assert result_of(*rows, interrupted=True).achieved_rate == pytest.approx(12)


def test_a_closed_loop_is_rated_over_its_duration() -> None:
    """The rate does not change if the last answer comes early."""
    plan = BurstPlan(PLAN.routes, ClosedLoop(1, seconds=2))
    assert result_of(row(sent=100, done=101), row(sent=200, done=201), plan=plan).achieved_rate == pytest.approx(1)


JOURNEYS = BurstPlan(
    (
        Route("http://127.0.0.1/", name="login", weight=0, journey="buy", tags=(("team", "shop"),)),
        Route("http://127.0.0.1/", name="list", weight=0, journey="buy"),
        Route("http://127.0.0.1/", name="list", weight=0, journey="buy"),
        Route("http://127.0.0.1/", name="list"),
        Route("http://127.0.0.1/", name="unused", weight=0),
        Route("http://127.0.0.1/", name="other", weight=0, journey="rare"),
    ),
    OpenLoop.constant(10, seconds=1),
    journeys=(
        Journey("buy", (Step(0), Step(1), Step(2)), tags=(("group", "g"),)),
        Journey("rare", (Step(5),), weight=0),
    ),
)


def test_journeys_are_counted_apart_from_their_steps() -> None:
    """A duration counts from the intended start; failed journeys have none, and late or lost ones are no failures."""
    rows: Rows = np.array(
        [
            row(0, 100, 110, 350),
            row(0, 200, 210, 400, outcome=CODES[FailureKind.HTTP]),
            row(0, 300, -1, 900, outcome=CODES[FailureKind.UNSENT]),
            row(0, 400, -1, 900, outcome=LATE),
        ]
    )
    result = burst_result(JOURNEYS, rows[:0], started=1000.0, health=Health(), journeys=rows)

    (buy,) = result.journeys
    assert (buy.journey, buy.tags, buy.scheduled, buy.started, buy.completed, buy.failed) == ("buy", (("group", "g"),), 4, 2, 1, 2)
    assert buy.duration.values.tolist() == [250_000]


def test_a_route_has_one_series_per_journey_that_it_is_a_step_of() -> None:
    """Two steps with one name are one series, apart from the same route in the mix; what is never sent has none."""
    rows: Rows = np.array([row(index) for index in (0, 1, 2, 2, 3)])
    result = burst_result(JOURNEYS, rows, started=1000.0, health=Health(), followed=(0, 1, 1, 0, 0, 0))

    series = [(each.route, each.journey, each.tags, each.scheduled, each.redirects_followed) for each in result.series]
    assert series == [("login", "buy", (("team", "shop"),), 1, 0), ("list", "buy", (), 3, 2), ("list", "", (), 1, 0)]


def test_a_burst_without_rows_has_no_data() -> None:
    """An empty burst has no figures and is not called punctual."""
    result = result_of()
    assert (result.scheduled, result.achieved_rate, result.punctual_share) == (0, 0, 0)
    assert result.timeline == ()
