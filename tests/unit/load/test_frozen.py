"""A server stopped with SIGSTOP: the outage shows in the percentiles as theory predicts, with any cap."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kindgate.cli.load_thresholds import judge_burst, parse_thresholds
from kindgate.load.burst_progress import BurstProgress, OnBurstProgress
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.raw_samples import Column, Rows
from kindgate.load.result import FailureKind
from kindgate.model import Verdict

RATE = 1000
SECONDS = 3.0
FROZEN = 0.5


class Freezable:
    """A server process; `frozen` is how long it was stopped, in seconds by this process's clock."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("freezable_server.py"))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self._output = self._process.stdout
        self.url = f"http://127.0.0.1:{self._output.readline().strip()}/"
        self.frozen = 0.0

    def freeze(self, after: float, seconds: float) -> None:
        """Stop the server, then continue it."""
        never = threading.Event()
        never.wait(after)
        os.kill(self._process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        never.wait(seconds)
        os.kill(self._process.pid, signal.SIGCONT)
        self.frozen = time.monotonic() - stopped

    def stop_for_good(self) -> None:
        """Stop the server until it is closed."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def answered(self) -> list[int]:
        """Terminate the server and return the times of its answers on the clock of `time.monotonic_ns`."""
        self._process.terminate()
        return list(json.loads(self._output.read()))

    def close(self) -> None:
        """Terminate the server, stopped or not."""
        self._process.kill()
        self._process.wait()
        self._output.close()


@pytest.fixture
def server() -> Iterator[Freezable]:
    """A server for this test alone."""
    freezable = Freezable()
    yield freezable
    freezable.close()


@contextlib.contextmanager
def freezing(server: Freezable, after: float, seconds: float) -> Iterator[OnBurstProgress]:
    """Stop the server `after` seconds after the burst's first report, so a late start on a busy machine does not matter."""
    thread = threading.Thread(target=server.freeze, args=(after, seconds))
    started = threading.Event()

    def on_progress(_: BurstProgress) -> None:
        if not started.is_set():
            started.set()
            thread.start()

    yield on_progress
    thread.join()


@pytest.mark.parametrize("in_flight", [None, 256])
def test_an_outage_is_measured_in_full(in_flight: int | None, server: Freezable, pool: GeneratorPool) -> None:
    """Half a second of silence in three, uniform arrivals: p(q) is at least 0.95 * (T - (1 - q) * 3 s), with any cap.

    A busy machine only adds to that. The server's own clock shows that nothing else is added: the mean response time is
    the mean of its answers minus the mean of the intended times, within the generator's own lag.
    """
    loop = OpenLoop.constant(RATE, seconds=SECONDS, arrival="uniform")
    plan = BurstPlan((Route(server.url),), loop, in_flight=in_flight, processes=1)
    rows: list[Rows] = []
    began = time.monotonic_ns()
    with freezing(server, 0.3, FROZEN) as on_progress:
        result = run_burst(plan, pool=pool, on_rows=rows.append, on_progress=on_progress)
    total = result.total
    assert (total.scheduled, total.failures, result.dropped) == (RATE * SECONDS, 0, 0)
    for q, spared in ((90, 0.3), (99, 0.03)):
        assert total.response.percentile(q) / 1e6 >= 0.95 * (server.frozen - spared)
    response = (rows[0][:, Column.DONE] - rows[0][:, Column.INTENDED]).mean() / 1e9
    assert response == pytest.approx(total.response.mean / 1e6, abs=1e-5)
    start = result.window.start - time.time() + time.monotonic_ns() / 1e9
    assert start > began / 1e9
    observed = np.mean(server.answered()) / 1e9 - start - rows[0][:, Column.INTENDED].mean() / 1e9
    assert response == pytest.approx(observed, rel=0.05, abs=0.002 + result.loop_lag.percentile(99) / 1e6)
    # waiting for the server is not the generator's fault and must not invalidate the burst
    assert result.punctual_share == 1
    held = result.cap_wait.max / 1e6
    assert held > 0.5 * (server.frozen - in_flight / RATE) if in_flight else held == 0


def test_every_request_to_a_permanently_stopped_server_fails_within_the_timeout(server: Freezable, pool: GeneratorPool) -> None:
    """With 16 slots, requests time out 0.3 s after their intended time, sent or not, and none is late because of the generator."""
    server.stop_for_good()
    plan = BurstPlan((Route(server.url),), OpenLoop.constant(200, seconds=0.5, arrival="uniform"), in_flight=16, timeout=0.3)
    result = run_burst(plan, pool=pool)
    assert result.window.seconds < 10
    assert result.total.failures == result.scheduled == 100
    assert set(result.failed) <= {FailureKind.TIMEOUT, FailureKind.UNSENT}
    assert result.cap_wait.max > 100_000
    assert result.late == 0
    assert result.total.response.count == 0


def test_an_outage_fails_and_is_never_invalid(server: Freezable, pool: GeneratorPool) -> None:
    """Half of the requests wait behind a frozen server, most of them for a slot: the objective fails.

    The result may be INVALID only if this machine was late by a large part of the outage.
    """
    plan = BurstPlan((Route(server.url),), OpenLoop.constant(RATE, seconds=2, arrival="uniform"), in_flight=256, processes=1)
    with freezing(server, 0.0, 1.0) as on_progress:
        result = run_burst(plan, pool=pool, on_progress=on_progress)
    alone = replace(result, health=replace(result.health, steal=0.0))  # stolen CPU time is the machine's fault, not the generator's
    judged = judge_burst(parse_thresholds(["p(90)<100"]), alone)
    assert result.cap_wait.max > 100_000
    late = result.loop_lag.max > 200_000
    assert judged.verdict in ({Verdict.FAIL, Verdict.INVALID} if late else {Verdict.FAIL})
