"""Open loops that run until they are told to finish: the end of the schedule, the last answers, and what is reported meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from kindgate.load.generator_pool import GeneratorPool
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.protocol import Recent
from kindgate.load.raw_samples import Column, Rows
from kindgate.load.report_collector import OpenEnd
from kindgate.load.result import BurstResult, FailureKind
from kindgate.load.schedule import NANOS, make_schedule
from tests.unit.load.conftest import Behaviors, Serve, read_request
from tests.unit.load.shop_server import Shop
from tests.unit.load.test_journeys import shop_plan


@dataclass
class Caller:
    """Has a load finish when `enough` is true of the reports so far; gathers the reports and the final rows."""

    enough: Callable[[list[Recent]], bool]
    start: int = 0
    reports: list[Recent] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)

    def send(self, plan: BurstPlan, pool: GeneratorPool) -> BurstResult:
        """Send the plan until it is enough."""
        open_end = OpenEnd(on_start=self._on_start, on_recent=self.reports.append, finish=lambda: self.enough(self.reports))
        return pool.run(plan, on_rows=self.rows.append, open_end=open_end)

    def _on_start(self, at: int) -> None:
        self.start = at


def minutes_of(url: str, processes: int = 1) -> BurstPlan:
    """A plan that no test waits for."""
    return BurstPlan((Route(url),), OpenLoop.constant(200, seconds=600), processes=processes, timeout=20)


@pytest.mark.parametrize("processes", [1, 2])
def test_exactly_what_was_due_before_the_end_is_sent(processes: int, serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """All generators end at the same time, and the result is that of a plan which was that long."""
    caller = Caller(lambda reports: len(reports) >= processes)
    plan = minutes_of(serve(behaviors["well"]), processes)
    result = caller.send(plan, pool)

    schedule = make_schedule(OpenLoop.constant(200, seconds=600), plan.routes, plan.seed)
    due = schedule.intended[schedule.intended < round(result.seconds * NANOS)]
    assert sorted(caller.rows[0][:, Column.INTENDED].tolist()) == due.tolist()
    assert (result.interrupted, result.total.completed, result.scheduled) == (False, len(due), len(due))
    assert 0.5 <= result.seconds < 20
    assert abs(caller.start / NANOS - time.monotonic()) < 60


def test_requests_sent_before_the_end_keep_their_time(serve: Serve, pool: GeneratorPool) -> None:
    """The server answers only once the load has been told to finish, and no request is lost."""
    finishing = threading.Event()

    def late(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            finishing.wait(60)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def enough(reports: list[Recent]) -> bool:
        if reports:
            finishing.set()
        return bool(reports)

    result = Caller(enough).send(minutes_of(serve(late)), pool)

    assert result.total.completed == result.scheduled > 50


def test_what_never_gets_an_answer_times_out(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """The load has ended, so these requests are lost; they were not cut off."""
    result = Caller(bool).send(replace(minutes_of(serve(behaviors["hanging"])), timeout=1), pool)

    assert result.failed == {FailureKind.TIMEOUT: result.scheduled}
    assert not result.interrupted


def test_a_report_tells_until_when_all_requests_are_known(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """Nothing that was due before is reported later, though every second request takes until its timeout."""
    routes = (Route(serve(behaviors["well"]), name="well"), Route(serve(behaviors["hanging"]), name="hanging"))
    plan = BurstPlan(routes, OpenLoop.constant(100, seconds=600), timeout=0.8, processes=1)
    caller = Caller(lambda reports: len(reports) >= 5)
    caller.send(plan, pool)

    schedule = make_schedule(OpenLoop.constant(100, seconds=600), routes, plan.seed).intended
    for number, report in enumerate(caller.reports, 1):
        known = np.concatenate([each.rows for each in caller.reports[:number]])[:, Column.INTENDED]
        assert set(schedule[schedule < report.settled].tolist()) <= set(known.tolist())
        assert report.settled > (report.elapsed - 1.5) * NANOS
    assert caller.reports[-1].settled > 0


def test_journeys_under_way_end_with_their_last_step_before_the_end(serve: Serve, pool: GeneratorPool) -> None:
    """Every user pauses for a minute after the login: neither the steps that would follow nor the journeys count."""
    shop = Shop()
    plan = shop_plan(serve(shop.handle), thinks=(0, 60, 0))
    caller = Caller(bool)
    result = caller.send(replace(plan, loop=OpenLoop.constant(100, seconds=600, arrival="uniform")), pool)

    assert {path.partition("?")[0] for path in shop.paths()} == {"/login", "/"}
    assert len(shop.paths()) == result.total.completed == result.scheduled
    assert (result.interrupted, result.journeys[0].scheduled) == (False, 0)
    assert int(caller.rows[0][:, Column.INTENDED].max()) < result.seconds * NANOS


def test_steps_that_are_due_before_the_end_are_sent(serve: Serve, pool: GeneratorPool) -> None:
    """A user who pauses when the end is announced goes on if the pause is over in time; a journey that is through counts."""
    shop = Shop()
    plan = shop_plan(serve(shop.handle), thinks=(0, 0.1, 0.1))
    caller = Caller(bool)
    result = caller.send(replace(plan, loop=OpenLoop.constant(100, seconds=600, arrival="uniform")), pool)

    login, cart, checkout = (caller.rows[0][caller.rows[0][:, Column.ROUTE] == route] for route in range(3))
    end = round(result.seconds * NANOS)
    assert len(cart) == int((login[:, Column.DONE] + NANOS // 10 < end).sum())
    assert len(checkout) == int((cart[:, Column.DONE] + NANOS // 10 < end).sum())
    assert len(login) > len(cart) > len(checkout) == result.journeys[0].completed == result.journeys[0].scheduled > 0
    assert result.failed == {}
