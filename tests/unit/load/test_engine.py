"""The engine's records of requests that it sends late, holds back or drops."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from kindgate.load.curl_multi import SweepingTransfers
from kindgate.load.engine import Engine
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import CODES, LATE, OK, Column, Rows
from kindgate.load.result import FailureKind
from kindgate.load.schedule import NANOS, Schedule
from tests.unit.load.conftest import answering, hanging, read_request

Serve = Callable[[Callable[[socket.socket], None]], str]


def sent_late(url: str, requests: int, *, late: float, timeout: float, cap: int = 100) -> Rows:
    """Return the rows, in order of completion, of requests that were all due `late` seconds ago."""
    plan = BurstPlan((Route(url),), OpenLoop.constant(100, requests=requests), timeout=timeout)
    transfers = SweepingTransfers()
    engine = Engine(plan, transfers, cap, lambda _now, _in_flight: False)
    due = np.zeros(requests, np.int64)
    assert engine.run_open(Schedule(due, due), lambda: time.monotonic_ns() - round(late * NANOS))
    transfers.close()
    return engine.recorder.rows()


def test_a_late_generator_is_not_the_servers_fault(serve: Serve) -> None:
    """Slots were free all the time, so nothing counts as the server's failure."""
    rows = sent_late(serve(answering()), 3, late=10, timeout=1)

    assert rows[:, Column.OUTCOME].tolist() == [LATE] * 3
    assert set(rows[:, Column.SENT].tolist()) == {-1}


def test_the_wait_for_the_cap_starts_when_the_cap_is_full(serve: Serve) -> None:
    """With two slots taken ten seconds late, the third request waits for an answer, and the ten seconds are the generator's."""
    both = threading.Barrier(2)

    def together(connection: socket.socket) -> None:
        read_request(connection)
        both.wait(30)
        answering()(_after_the_first(connection))

    rows = sent_late(serve(together), 3, late=10, timeout=60, cap=2)

    rows = rows[rows[:, Column.SENT].argsort()]
    assert rows[:, Column.OUTCOME].tolist() == [OK] * 3
    assert rows[:2, Column.CAP_WAIT].tolist() == [0, 0]
    assert 0 < rows[2, Column.CAP_WAIT] <= rows[2, Column.SENT] - rows[1, Column.SENT]


def _after_the_first(connection: socket.socket) -> socket.socket:
    """Answer the request that was already read; the connection stays open."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo")
    return connection


@pytest.mark.parametrize("late", [0.0, 20.0])
def test_the_timeout_counts_from_the_intended_moment(late: float, serve: Serve) -> None:
    """A request that was sent late has that much less time left for its answer."""
    (row,) = sent_late(serve(hanging), 1, late=late, timeout=late + 1)

    assert row[Column.OUTCOME] == CODES[FailureKind.TIMEOUT]
    assert late + 0.9 < (row[Column.DONE] - row[Column.INTENDED]) / NANOS < late + 15
