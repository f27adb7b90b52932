"""Requests whose kept-alive connection closes: libcurl would resend them and report one success."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from kindgate.load.burst_progress import BurstProgress
from kindgate.load.expectation import Expectation
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, ClosedLoop, Route
from kindgate.load.result import BurstResult, FailureKind

Serve = Callable[[Callable[[socket.socket], None]], str]

REQUESTS = 10


class ClosingTheSecond:
    """Answers the first request of each connection, reads the second and closes; records the request lines it read."""

    def __init__(self) -> None:
        self.read: list[bytes] = []

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b""):
            pending = b""
            while not pending.partition(b"\r\n\r\n")[1] or (b"Content-Length: 3" in pending and not pending.endswith(b"a=1")):
                part = connection.recv(65536)
                if not part:
                    return
                pending += part
            self.read.append(pending.split(b"\r\n")[0])
            connection.sendall(answer + (b"foo" if answer and not pending.startswith(b"HEAD") else b""))


@pytest.fixture
def server() -> ClosingTheSecond:
    """A server that records its request lines."""
    return ClosingTheSecond()


def burst(url: str, pool: GeneratorPool, method: str, *, body: bytes = b"", expect: Expectation | None = None) -> BurstResult:
    """Send ten requests of one user, one after the other."""
    route = Route(url, method=method, body=body, expect=expect)
    return run_burst(BurstPlan((route,), ClosedLoop(1, requests=REQUESTS), processes=1), pool=pool)


@pytest.mark.parametrize(("method", "body"), [("POST", b"a=1"), ("POST", b""), ("PATCH", b"a=1"), ("CHECKOUT", b"")])
def test_a_request_that_may_have_taken_effect_is_never_retried(
    method: str, body: bytes, server: ClosingTheSecond, serve: Serve, pool: GeneratorPool
) -> None:
    """The server reads each request once; every second one is lost and reported as lost."""
    result = burst(serve(server.handle), pool, method, body=body)

    assert len(server.read) == result.scheduled == REQUESTS
    assert result.failed == {FailureKind.RESET: REQUESTS // 2}
    assert result.total.completed == REQUESTS // 2


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("HEAD", b""), ("PUT", b"a=1"), ("DELETE", b"")])
def test_a_retried_request_counts_as_failed(method: str, body: bytes, server: ClosingTheSecond, serve: Serve, pool: GeneratorPool) -> None:
    """All but the first lost a connection and were answered at the second attempt: none of those is a success."""
    result = burst(serve(server.handle), pool, method, body=body)

    assert len(server.read) == 2 * REQUESTS - 1
    assert result.failed == {FailureKind.RETRIED: REQUESTS - 1}
    assert (result.total.completed, result.total.retried) == (1, REQUESTS - 1)
    assert result.total.response.count == 1
    assert result.total.status == {200: REQUESTS}


def test_a_retried_request_counts_its_passed_check(server: ClosingTheSecond, serve: Serve, pool: GeneratorPool) -> None:
    """The body was right; with a wrong one, the check is the reported failure."""
    url = serve(server.handle)
    right = burst(url, pool, "GET", expect=Expectation(substring="foo"))
    wrong = burst(url, pool, "GET", expect=Expectation(substring="bar"))

    assert (right.total.checks_passed, right.total.checks_failed) == (REQUESTS, 0)
    assert wrong.failed == {FailureKind.CHECK: REQUESTS}


def test_attempts_are_reset_when_a_handle_is_reused(
    serve: Serve, behaviors: dict[str, Callable[[socket.socket], None]], pool: GeneratorPool
) -> None:
    """A server that keeps its connections receives one POST after another over the same one."""
    result = burst(serve(behaviors["well"]), pool, "POST", body=b"a=1")

    assert (result.failed, result.connections) == ({}, 1)


def test_progress_counts_retried_requests(server: ClosingTheSecond, serve: Serve, pool: GeneratorPool) -> None:
    """They are counted among the failures and separately."""
    reported: list[BurstProgress] = []
    plan = BurstPlan((Route(serve(server.handle)),), ClosedLoop(1, seconds=60), processes=1)
    run_burst(plan, pool=pool, on_progress=reported.append, stop=lambda: bool(reported))

    assert reported[0].retried == reported[0].failed == reported[0].ended - 1 > 0
