"""Requests are attributed to phases, routes and seconds; none is counted twice, and none is left out."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, OK, Column, Rows
from kindgate.load.result import FailureKind
from kindgate.scenarios.attribution import count_requests, first_success, phase_figures, route_figures, sendable, slots
from kindgate.slo.episode import Marks, Phase, Requests
from tests.unit.scenarios.episode_rows import Sent, rows_of, steady

TIMEOUT, HTTP, RETRIED = CODES[FailureKind.TIMEOUT], CODES[FailureKind.HTTP], CODES[FailureKind.RETRIED]
URL = "http://127.0.0.1/"
PLAN = BurstPlan((Route(URL, name="foo"), Route(URL, name="bar")), OpenLoop.constant(10, seconds=60))


def total(parts: list[Requests]) -> Requests:
    """The sum of counts."""
    return Requests(*(sum(getattr(part, field.name) for part in parts) for field in fields(Requests)))


@st.composite
def some_rows(draw: st.DrawFn) -> Rows:
    """Requests to both routes over a minute, with any outcome."""
    outcomes = st.sampled_from([OK, LATE, *CODES.values()])
    request = st.tuples(st.floats(0, 60, exclude_max=True), st.floats(0, 20), outcomes)
    parts = [rows_of(draw(st.lists(request, max_size=40)), route) for route in (0, 1)]
    return np.concatenate(parts)


@given(rows=some_rows(), edges=st.lists(st.floats(0, 60), min_size=3, max_size=3).map(sorted), recovers=st.booleans())
def test_the_counts_of_all_phases_routes_and_seconds_are_those_of_the_episode(rows: Rows, edges: list[float], *, recovers: bool) -> None:
    """Whatever the marks; only requests that the generator could not send are left out."""
    began, ended, recovered = edges
    marks = Marks(began, ended, recovered if recovers else None, 60.0)
    sent = sendable(rows)
    phases, routes, seconds = phase_figures(sent, marks), route_figures(sent, PLAN, 60.0), slots(sent, 60.0)

    everything = count_requests(rows[rows[:, Column.OUTCOME] != LATE])
    assert total([each.requests for each in phases]) == everything
    assert total([each.requests for each in routes]) == everything
    assert total([each.requests for each in seconds]) == everything
    assert everything.scheduled == int((rows[:, Column.OUTCOME] != LATE).sum())
    assert everything.answered == int((rows[:, Column.OUTCOME] == OK).sum())
    assert [each.phase for each in phases] == list(Phase)
    assert sum(each.seconds for each in phases) == pytest.approx(60.0)
    assert [each.start for each in seconds] == [float(second) for second in range(60)]


def test_a_request_belongs_to_the_phase_of_its_intended_time() -> None:
    """It may be answered, or lost, in a later one; a phase begins with its mark."""
    sent = rows_of([(0.5, 3.0, TIMEOUT), (1.0, 0.1, OK), (2.9, 5.0, OK), (3.0, 0.1, HTTP), (4.0, 0.1, OK), (4.5, 0.1, RETRIED)])
    before, during, recovery, after = phase_figures(sent, Marks(1.0, 3.0, 4.0, 5.0))

    assert before.requests == Requests(1, unanswered=1)
    assert during.requests == Requests(2)
    assert recovery.requests == Requests(1, failed=1)
    assert after.requests == Requests(2, sent_twice=1)
    assert [before.p95, recovery.p95, after.p95] == [None, None, pytest.approx(100)]
    assert [each.seconds for each in (before, during, recovery, after)] == [1.0, 2.0, 1.0, 1.0]


def test_without_recovery_the_rest_of_the_episode_is_recovery() -> None:
    """The phase after it is empty."""
    *_, recovery, after = phase_figures(rows_of(steady(0, 5)), Marks(1.0, 2.0, None, 5.0))

    assert (recovery.requests, recovery.seconds) == (Requests(300), 3.0)
    assert (after.requests, after.seconds, after.p95) == (Requests(), 0.0, None)


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_failure_is_a_loss_of_one_kind(kind: FailureKind) -> None:
    """A wrong answer has failed; a repeated request counts apart; everything else was not answered."""
    counts = count_requests(rows_of([(0, 1, CODES[kind])]))

    assert (counts.scheduled, counts.lost, counts.answered) == (1, 1, 0)
    assert counts.failed == (kind in {FailureKind.HTTP, FailureKind.CHECK})
    assert counts.sent_twice == (kind is FailureKind.RETRIED)


def test_the_last_second_ends_with_the_episode() -> None:
    """Its requests are not added to the one before."""
    assert [(each.start, each.requests.scheduled) for each in slots(rows_of(steady(0, 2.5)), 2.5)] == [(0.0, 100), (1.0, 100), (2.0, 50)]


def test_what_the_generator_could_not_send_is_nobodys_loss() -> None:
    """The rest is in the order of the intended times, whenever it ended."""
    assert sendable(rows_of([(2, 0, OK), (1, 5, OK), (0, 1, LATE)]))[:, Column.INTENDED].tolist() == [10**9, 2 * 10**9]


def outages(foo: list[Sent], bar: list[Sent], finished: float) -> dict[str, float]:
    """The longest outage of each route."""
    rows = sendable(np.concatenate([rows_of(foo), rows_of(bar, 1)]))
    return {each.route: each.outage for each in route_figures(rows, PLAN, finished)}


def test_an_outage_is_the_longest_stretch_of_one_routes_losses() -> None:
    """Neither the other route's answers nor a later, shorter stretch change it."""
    down = [*steady(0, 1), *steady(1, 3.5, 9, TIMEOUT), *steady(3.5, 6), *steady(6, 7, 9, HTTP), *steady(7, 10)]

    assert outages(down, steady(0, 10), 10) == {"foo": pytest.approx(2.49), "bar": 0.0}


def test_a_single_loss_counts_for_one_interval() -> None:
    """Nothing is known of the time until the next request."""
    assert outages([*steady(0, 5), (5.0, 1, TIMEOUT), *steady(5.01, 10)], [], 10)["foo"] == pytest.approx(0.01)


def test_losses_with_answers_between_them_are_no_outage() -> None:
    """With one of two pods gone, every other request is answered."""
    half = [(at, took, TIMEOUT if index % 2 else OK) for index, (at, took, _) in enumerate(steady(0, 10))]

    assert outages(half, [], 10)["foo"] == pytest.approx(0.01)


def test_routes_of_one_name_and_steps_of_journeys_are_routes() -> None:
    """A route that is never sent is none."""
    routes = (
        Route(URL, name="foo"),
        Route(URL, name="foo"),
        Route(URL, name="never", weight=0),
        Route(URL, name="pay", weight=0, journey="buy"),
    )
    plan = BurstPlan(routes, OpenLoop.constant(10, seconds=1), journeys=(Journey("buy", (Step(3),)),))
    rows = sendable(np.concatenate([rows_of(steady(0, 1), route) for route in (0, 1, 3)]))

    assert [(each.route, each.requests.scheduled) for each in route_figures(rows, plan, 1.0)] == [("foo", 200), ("pay", 100)]


def test_the_first_success_is_that_of_the_route_that_waited_longest() -> None:
    """It is the answer to a later request, from the time at which the first lost one was due."""
    foo = [*steady(0, 1), *steady(1, 3, 9, TIMEOUT), *steady(3, 5, 0.25)]
    bar = [*steady(0, 2), *steady(2, 2.5, 0.1, HTTP), *steady(2.5, 5)]
    rows = sendable(np.concatenate([rows_of(foo), rows_of(bar, 1)]))

    assert first_success(rows, PLAN, 5.0) == pytest.approx(2250)
    assert first_success(sendable(rows_of(bar, 1)), PLAN, 5.0) == pytest.approx(510)


def test_without_losses_nothing_had_to_succeed_again() -> None:
    """The time to the first success is 0."""
    assert first_success(rows_of(steady(0, 5)), PLAN, 5.0) == 0


def test_an_answer_to_an_earlier_request_is_no_success() -> None:
    """It was under way before the first loss; without a later answer, the time runs until the end."""
    rows = sendable(rows_of([(0, 4, OK), *steady(1, 3, 9, TIMEOUT)]))

    assert first_success(rows, PLAN, 5.0) == pytest.approx(4000)
