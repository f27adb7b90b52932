"""A server that is stopped with SIGSTOP: the outage shows in the percentiles as theory says, whatever the cap."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from kindgate.load.burst import run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.pool import GeneratorPool
from kindgate.load.result import BurstResult, FailureKind
from kindgate.load.samples import Column, Rows

RATE = 1000
SECONDS = 3.0
FROZEN = 0.5


@pytest.fixture
def server() -> Iterator[tuple[int, str]]:
    """The process id and the URL of a server of its own."""
    command = [sys.executable, str(Path(__file__).with_name("freezable_server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.pid, f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        os.kill(process.pid, signal.SIGCONT)
        process.kill()


@dataclass
class Freezer:
    """Stops a process once the burst has sent for a second; `seconds` is how long, by its own clock."""

    pid: int
    seconds: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)

    def freeze(self) -> None:
        """Stop and continue it."""
        self._done.wait(1.0)
        os.kill(self.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        self._done.wait(FROZEN)
        os.kill(self.pid, signal.SIGCONT)
        self.seconds = time.monotonic() - stopped


def frozen_burst(server: tuple[int, str], pool: GeneratorPool, in_flight: int | None) -> tuple[BurstResult, Rows, float]:
    """A burst with a frozen server in it, its raw samples, and how long the server was frozen."""
    pid, url = server
    plan = BurstPlan((Route(url),), OpenLoop.constant(RATE, seconds=SECONDS, arrival="uniform"), in_flight=in_flight)
    run_burst(BurstPlan((Route(url),), OpenLoop.constant(RATE, seconds=0.2)), pool=pool)
    freezer = Freezer(pid)
    thread = threading.Thread(target=freezer.freeze)
    kept: list[Rows] = []
    thread.start()
    result = run_burst(plan, pool=pool, on_rows=kept.append)
    thread.join()
    return result, kept[0], freezer.seconds


def outage(rows: Rows) -> tuple[float, float]:
    """The longest pause between two answers, in seconds, and the answers per second until the backlog was gone.

    The backlog is gone with the first later request that was answered within 20 ms of its intended moment.
    """
    ordered = rows[rows[:, Column.DONE].argsort(kind="stable")]
    done = ordered[:, Column.DONE] / 1e9
    thaw = int(np.argmax(np.diff(done))) + 1
    response = done[thaw:] - ordered[thaw:, Column.INTENDED] / 1e9
    caught_up = int(np.argmax(response < 0.02))
    return float(done[thaw] - done[thaw - 1]), caught_up / max(float(done[thaw + caught_up] - done[thaw]), 1e-3)


@pytest.mark.parametrize("in_flight", [None, 256])
def test_an_outage_shows_as_theory_says(in_flight: int | None, server: tuple[int, str], pool: GeneratorPool) -> None:
    """Half a second of silence in three: p(q) = T - (1 - q) * 3 s * (1 - rho), within 5 %, with any cap.

    rho = rate / drain rate. Nothing can make the lower bound flicker: a busy machine only adds. The upper bound takes
    the pause as the generator saw it, and has room for the lag that it admits.
    """
    result, rows, frozen = frozen_burst(server, pool, in_flight)
    total = result.total
    pause, drain_rate = outage(rows)
    rho = min(1.0, RATE / drain_rate)
    assert pause >= frozen * 0.99
    for q, spared in ((90, 0.3), (99, 0.03)):
        measured = total.response.percentile(q) / 1e6
        assert 0.95 * (frozen - spared) <= measured
        assert measured <= 1.05 * (pause - spared * (1 - rho)) + 3 * result.loop_lag.percentile(99) / 1e6
    assert (total.scheduled, total.failures, result.dropped) == (RATE * SECONDS, 0, 0)
    # it was the server that made requests wait, and no clock that hides it may be judged
    assert total.service.percentile(50) < total.response.percentile(90)
    if in_flight:
        assert result.cap_wait.max > 0.5 * (frozen - in_flight / RATE) * 1e6
    else:
        assert result.cap_wait.max == 0
    assert result.punctual_share == 1


def test_a_server_that_stops_for_good_fails_every_request_in_time(server: tuple[int, str], pool: GeneratorPool) -> None:
    """With 16 slots: requests time out, sent or not, 0.3 s after their intended moment, and none by the generator's fault."""
    pid, url = server
    os.kill(pid, signal.SIGSTOP)
    plan = BurstPlan((Route(url),), OpenLoop.constant(200, seconds=0.5, arrival="uniform"), in_flight=16, timeout=0.3)
    result = run_burst(plan, pool=pool)
    assert result.window.seconds < 0.5 + 0.3 + 1
    assert result.total.failures == result.scheduled == 100
    assert set(result.failed) <= {FailureKind.TIMEOUT, FailureKind.UNSENT}
    assert result.cap_wait.max > 100_000
    assert result.late == 0
    assert result.total.response.count == 0
