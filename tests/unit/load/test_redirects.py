"""Redirects: counted as answers, or followed as part of the request."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult, FailureKind
from tests.unit.load.conftest import read_request

Serve = Callable[[Callable[[socket.socket], None]], str]

REQUESTS = 5


class Redirecting:
    """Redirects /2 to /1, /1 to /0, and /elsewhere to /0 on the host by name; answers `foo` at /0 and records its requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        while True:
            lines = read_request(connection).decode().split("\r\n")
            path = lines[0].split()[1]
            self.requests.append((path, next(line[6:] for line in lines if line.lower().startswith("host: "))))
            target = {"/2": "/1", "/1": "/0", "/elsewhere": "http://foo.localhost/0"}.get(path)
            moved = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 5\r\n\r\nmoved"
            connection.sendall((moved if target else "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo").encode())


@pytest.fixture
def server() -> Redirecting:
    """A server that records its requests."""
    return Redirecting()


def burst(url: str, pool: GeneratorPool, redirects: int, expect: Expectation | None = None) -> BurstResult:
    """Send five requests to foo.localhost at the URL's address."""
    route = Route(url, "foo.localhost", expect=expect)
    return run_burst(BurstPlan((route,), OpenLoop.constant(50, requests=REQUESTS), redirects=redirects, processes=1), pool=pool)


def test_an_unfollowed_redirect_is_a_success(server: Redirecting, serve: Serve, pool: GeneratorPool) -> None:
    """It counts as a success and is reported as a redirect, because the application did no work."""
    result = burst(serve(server.handle) + "2", pool, 0)

    assert (result.total.completed, result.total.redirects, result.total.mostly_redirects) == (REQUESTS, REQUESTS, True)
    assert {path for path, _ in server.requests} == {"/2"}


def test_followed_redirects_are_part_of_the_request(server: Redirecting, serve: Serve, pool: GeneratorPool) -> None:
    """The last answer counts and its body is checked; a followed redirect is not a retry."""
    result = burst(serve(server.handle) + "2", pool, 2, Expectation(substring="foo", size_min=3, size_max=3))

    assert (result.scheduled, result.failed, result.total.status) == (REQUESTS, {}, {200: REQUESTS})
    assert [path for path, _ in server.requests].count("/0") == REQUESTS
    assert result.total.redirects_followed == 2 * REQUESTS


def test_more_redirects_than_allowed_are_a_failure(server: Redirecting, serve: Serve, pool: GeneratorPool) -> None:
    """With one redirect allowed, two mean that the application was not reached."""
    result = burst(serve(server.handle) + "2", pool, 1)

    assert result.failed == {FailureKind.HTTP: REQUESTS}
    assert "/0" not in {path for path, _ in server.requests}


def test_a_redirect_to_the_routes_host_leads_to_the_urls_address(server: Redirecting, serve: Serve, pool: GeneratorPool) -> None:
    """An application redirects to its public name, without the ingress's port on this machine."""
    result = burst(serve(server.handle) + "elsewhere", pool, 1)

    assert result.total.status == {200: REQUESTS}
    assert ("/0", "foo.localhost") in server.requests


def test_redirects_are_followed_only_for_safe_methods() -> None:
    """Clients treat redirected POST requests differently."""
    with pytest.raises(LoadError, match="not for POST"):
        BurstPlan((Route("http://127.0.0.1/", method="POST"),), OpenLoop.constant(50, requests=1), redirects=1)


def test_other_methods_are_not_redirected(server: Redirecting, serve: Serve, pool: GeneratorPool) -> None:
    """In a mix, a POST gets its redirect as the response, and a GET follows it."""
    url = serve(server.handle) + "1"
    routes = (Route(url, name="get"), Route(url, name="post", method="POST", body=b"x"))
    result = run_burst(BurstPlan(routes, OpenLoop.constant(50, requests=10), redirects=3, processes=1), pool=pool)

    assert [series.status for series in result.series] == [{200: 5}, {302: 5}]
    assert [series.redirects_followed for series in result.series] == [5, 0]


@pytest.mark.parametrize("redirects", [-1, 1000])
def test_an_invalid_number_of_redirects_is_rejected(redirects: int) -> None:
    """The error comes before any load."""
    with pytest.raises(LoadError, match="number of redirects"):
        BurstPlan((Route("http://127.0.0.1/"),), OpenLoop.constant(50, requests=1), redirects=redirects)
