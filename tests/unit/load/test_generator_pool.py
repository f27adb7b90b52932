"""Whole bursts against real servers: what is sent, in which loop, over how many connections, and how a burst ends early."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kindgate.errors import LoadError
from kindgate.load.burst_progress import BurstProgress
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop, Route
from kindgate.load.raw_samples import Column, Rows
from kindgate.load.result import FailureKind
from kindgate.waiting import Deadline

Serve = Callable[[Callable[[socket.socket], None]], str]
Behaviors = dict[str, Callable[[socket.socket], None]]


class Recording:
    """Records the requests it receives and answers `ok` to each."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        self.connections += 1
        pending = b""
        while part := connection.recv(65536):
            pending += part
            head, end, body = pending.partition(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            if end and len(body) >= length:
                self.requests.append(pending)
                pending = b""
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def recording() -> Recording:
    """A server that records its requests."""
    return Recording()


def test_the_request_matches_its_route(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """The address comes from the URL and the host from the name; method, headers and body are sent as given, without libcurl's Expect."""
    route = Route(serve(recording.handle) + "a?b=c", "foo.localhost", "PUT", (("X-Trace", "7"),), b"\x00\xff body")
    assert run_burst(BurstPlan((route,), OpenLoop.constant(50, requests=3)), pool=pool).total.completed == 3
    head, _, body = recording.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"PUT /a?b=c HTTP/1.1"
    assert {b"Host: foo.localhost", b"X-Trace: 7"} <= set(lines)
    assert not any(line.lower().startswith(b"expect") for line in lines)
    assert body == b"\x00\xff body"


def test_routes_are_measured_apart_and_together(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """Weighted hosts of one address have separate figures that add up."""
    url = serve(recording.handle)
    routes = (Route(url, "foo.localhost"), Route(url, "bar.localhost", weight=3, arm="head"))
    result = run_burst(BurstPlan(routes, OpenLoop.constant(200, requests=40)), pool=pool)
    assert [(series.route, series.arm, series.completed) for series in result.series] == [
        ("foo.localhost", "", 10),
        ("bar.localhost", "head", 30),
    ]
    assert result.total.response.count == 40
    assert sum(b"Host: foo.localhost" in request for request in recording.requests) == 10


def test_connections_are_kept_between_bursts(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """A warm-up opens connections, and the burst after it opens more only for higher concurrency."""
    plan = BurstPlan((Route(serve(recording.handle)),), ClosedLoop(2, requests=20), processes=1)
    warm_up(plan, 0.1, pool)
    before = recording.connections
    assert before == 2
    assert run_burst(plan, pool=pool).connections == 0
    assert recording.connections == before


def test_new_connections_are_opened_if_requested(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """Each request opens one, which the server closes so that no local port stays in TIME_WAIT."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, requests=10), keep_alive=False)
    assert run_burst(plan, pool=pool).connections == 10
    assert recording.connections == 10
    assert all(b"Connection: close" in request for request in recording.requests)


def test_a_closed_loop_keeps_its_users_busy_and_splits_them_between_generators(
    recording: Recording, serve: Serve, pool: GeneratorPool
) -> None:
    """Five users in two processes send exactly the requested number of requests."""
    plan = BurstPlan((Route(serve(recording.handle)),), ClosedLoop(5, requests=101), processes=2)
    result = run_burst(plan, pool=pool)
    assert (result.total.completed, result.health.processes) == (101, 2)
    assert result.connections == 5


def test_a_closed_loop_ends_with_its_duration(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """It then sends nothing new and waits for unanswered requests."""
    result = run_burst(BurstPlan((Route(serve(recording.handle)),), ClosedLoop(2, seconds=0.3), processes=1), pool=pool)
    assert result.total.completed == result.scheduled == len(recording.requests)
    assert 0.3 <= result.seconds < 1


def test_several_generators_send_one_schedule(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """Together, their samples have exactly the plan's intended times."""
    rows: list[Rows] = []
    loop = OpenLoop.constant(500, seconds=0.4, arrival="uniform")
    result = run_burst(BurstPlan((Route(serve(recording.handle)),), loop, processes=3), pool=pool, on_rows=rows.append)
    assert sorted(rows[0][:, Column.INTENDED].tolist()) == [n * 2_000_000 for n in range(200)]
    assert (result.total.completed, result.health.processes) == (200, 3)


def test_more_requests_than_select_has_descriptors(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """With 1,500 unanswered requests at a time, none is held back and each ends as a timeout."""
    plan = BurstPlan((Route(serve(behaviors["hanging"])),), OpenLoop.constant(1500, seconds=1), in_flight=3000, timeout=1.6, processes=1)
    result = run_burst(plan, pool=pool)
    assert result.failed == {"timeout": 1500}
    assert result.cap_wait.max == 0
    assert max(slot.in_flight for slot in result.timeline) > 1024


def test_generators_share_the_cap(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """Two of them have four unanswered requests together, not four each."""
    plan = BurstPlan((Route(serve(behaviors["hanging"])),), OpenLoop.constant(400, requests=40), in_flight=4, timeout=1.5, processes=2)
    assert max(slot.in_flight for slot in run_burst(plan, pool=pool).timeline) == 4


def test_proxies_from_the_environment_are_ignored(recording: Recording, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the proxy's answers would be measured as the server's."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    result = run_burst(BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, requests=5)))
    assert (result.failed, len(recording.requests)) == ({}, 5)


def test_a_cap_beyond_the_descriptor_limit_is_rejected(pool: GeneratorPool) -> None:
    """The error comes before any load and says what to do."""
    plan = BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(10, seconds=1), in_flight=100_000_000)
    with pytest.raises(LoadError, match="more open files than this machine allows"):
        run_burst(plan, pool=pool)


def test_stopping_keeps_what_was_measured(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """The caller stops the burst at the first progress report, long before the planned minute ends."""
    reported: list[BurstProgress] = []
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, seconds=60), processes=1)
    result = run_burst(plan, pool=pool, on_progress=reported.append, stop=lambda: bool(reported))
    assert result.interrupted
    assert 0 < result.total.completed <= result.scheduled < 6000
    assert result.total.completed + result.total.failures + result.late == result.scheduled
    assert reported[0].ended > 0
    assert reported[0].p95_ms is not None
    assert run_burst(replace(plan, loop=OpenLoop.constant(100, requests=5)), pool=pool).total.completed == 5


def test_stopping_in_an_outage_fails_unanswered_and_due_requests(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """A silent server holds all eight slots: their requests and those queued behind them are lost, with their time so far."""
    reported: list[BurstProgress] = []
    loop = OpenLoop.constant(100, seconds=60, arrival="uniform")
    plan = BurstPlan((Route(serve(behaviors["hanging"])),), loop, in_flight=8, processes=1)
    result = run_burst(plan, pool=pool, on_progress=reported.append, stop=lambda: bool(reported))
    assert result.interrupted
    assert result.failed == {FailureKind.UNANSWERED: 8, FailureKind.UNSENT: result.scheduled - 8}
    assert result.late == 0
    ended = result.window.seconds
    assert result.scheduled == pytest.approx(100 * ended, abs=2)
    assert result.total.failed_response.max / 1e6 == pytest.approx(ended, abs=0.001)
    assert result.total.failed_response.min / 1e6 == pytest.approx(ended - 0.07, abs=0.001)


def test_stopping_users_fails_their_pending_requests(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """A closed loop has one unanswered request per user."""
    reported: list[BurstProgress] = []
    plan = BurstPlan((Route(serve(behaviors["hanging"])),), ClosedLoop(5, seconds=60), processes=1)
    result = run_burst(plan, pool=pool, on_progress=reported.append, stop=lambda: bool(reported))
    assert result.failed == {FailureKind.UNANSWERED: 5}


INTERRUPTED = """
import sys
from kindgate.load.generator_pool import run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
plan = BurstPlan((Route(sys.argv[1]),), OpenLoop.constant(100, seconds=60))
result = run_burst(plan, on_progress=lambda progress: print("running", flush=True))
print("interrupted" if result.interrupted else "complete", result.total.completed > 0)
"""


def test_ctrl_c_ends_a_burst_and_keeps_what_was_measured(recording: Recording, serve: Serve) -> None:
    """The terminal's signal reaches the waiting process; its generators report and exit."""
    command = [sys.executable, "-c", INTERRUPTED, serve(recording.handle)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        lines = process.stdout.read().split("\n")
    assert lines[-2:] == ["interrupted True", ""]
    assert process.returncode == 0


def test_ctrl_c_between_two_polls_keeps_what_was_measured(recording: Recording, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here ctrl-C arrives while the pool looks at its deadline, after the first answers."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, seconds=60))
    answered, interrupted = threading.Event(), threading.Event()

    def expired(deadline: Deadline) -> bool:
        if answered.is_set() and not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt
        return deadline.remaining <= 0

    monkeypatch.setattr(Deadline, "expired", property(expired))
    result = run_burst(plan, on_progress=lambda progress: answered.set() if progress.ended else None)

    assert interrupted.is_set()
    assert result.interrupted
    assert result.total.completed > 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_burst_reports_foreign_cpu_time_if_the_own_cpu_time_is_known(recording: Recording, serve: Serve) -> None:
    """Here the run is this process without a cluster; a pool without a known run reports None."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, requests=10))
    with GeneratorPool(OwnCpu(os.getpid(), ())) as own:
        known = run_burst(plan, pool=own).health.foreign
    with GeneratorPool() as own:
        unknown = run_burst(plan, pool=own).health.foreign

    assert known is not None
    assert 0 <= known <= 1
    assert unknown is None


def test_a_killed_generators_share_is_missing(recording: Recording, serve: Serve) -> None:
    """The other half is measured, and the result states the missing share."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, seconds=1.2), processes=2)
    with GeneratorPool() as own:
        run_burst(replace(plan, loop=OpenLoop.constant(100, requests=4)), pool=own)
        victim = own.process_ids[1]

        def kill(_: BurstProgress | None = None) -> None:
            os.kill(victim, signal.SIGKILL)

        timer = threading.Timer(0.3, kill)
        timer.start()
        result = run_burst(plan, pool=own)
        timer.join()
        assert result.missing == pytest.approx(0.5)
        assert result.total.completed == result.scheduled == 60
        assert run_burst(plan, pool=own).missing == 0


@contextlib.contextmanager
def second_generator_held(plan: BurstPlan, pool: GeneratorPool, end: signal.Signals) -> Iterator[list[float]]:
    """Stop the second of two generators and send it `end` after 0.8 s; the list then holds the time."""
    run_burst(replace(plan, loop=OpenLoop.constant(100, requests=4)), pool=pool)
    held, ended = pool.process_ids[1], list[float]()

    def finish() -> None:
        ended.append(time.time())
        os.kill(held, end)

    os.kill(held, signal.SIGSTOP)
    timer = threading.Timer(0.8, finish)
    timer.start()
    yield ended
    timer.join()


def test_a_burst_begins_when_every_generator_is_ready(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """One of two is held up by 0.8 s: the burst waits for it, and no request is late because of it."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, requests=20), processes=2)
    with second_generator_held(plan, pool, signal.SIGCONT) as continued:
        result = run_burst(plan, pool=pool)
    assert result.window.start > continued[0]
    assert result.total.completed == 20
    assert result.loop_lag.max < 600_000


def test_the_share_of_a_generator_lost_before_the_burst_is_missing(recording: Recording, serve: Serve) -> None:
    """The others stop waiting for it."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, requests=20), processes=2)
    with GeneratorPool() as own, second_generator_held(plan, own, signal.SIGKILL):
        result = run_burst(plan, pool=own)
    assert result.missing == pytest.approx(0.5)
    assert result.total.completed == result.scheduled == 10


def test_a_burst_that_is_stopped_before_it_begins_sends_nothing(recording: Recording, serve: Serve, pool: GeneratorPool) -> None:
    """Nothing is lost, and the generators can run another burst."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, seconds=5, arrival="uniform"), processes=2)
    with second_generator_held(plan, pool, signal.SIGCONT):
        before = len(recording.requests)
        result = run_burst(plan, pool=pool, stop=lambda: True)
    assert result.interrupted
    assert (result.scheduled, len(recording.requests)) == (0, before)
    assert run_burst(replace(plan, loop=OpenLoop.constant(100, requests=5)), pool=pool).total.completed == 5


def test_losing_every_generator_is_an_error(recording: Recording, serve: Serve) -> None:
    """Without generators there is no result, and the error states the reason."""
    plan = BurstPlan((Route(serve(recording.handle)),), OpenLoop.constant(100, seconds=1), processes=1)
    with GeneratorPool() as own:
        run_burst(replace(plan, loop=OpenLoop.constant(100, requests=4)), pool=own)
        timer = threading.Timer(0.3, os.kill, (own.process_ids[0], signal.SIGKILL))
        timer.start()
        with pytest.raises(LoadError, match="every load generator exited"):
            run_burst(plan, pool=own)
        timer.join()
