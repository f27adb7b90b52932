"""Requests before and after the load, sent to a real server."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.plan import Route
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.load.variables import Choice, Constant, Counter, RandomInt, Rows, Uuid
from kindgate.model import ClusterAddress
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.workload.setup_requests import first_values, send_in_order

SECRETS = Redactor((KnownValue("s3cr3t-value", "the workload"),))
TOKEN = Extraction("token", "json", "token")


@dataclass
class Application:
    """A server that records requests; `respond` returns status, headers and body for each."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    respond: Callable[[str], tuple[int, dict[str, str], bytes]] = lambda _: (200, {}, b'{"token": "t1"}')


@pytest.fixture
def application() -> Iterator[Application]:
    """A running server."""
    state = Application()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.requests.append((self.command, self.path, headers, body))
            status, answer, content = state.respond(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **answer}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the base class's names

        def log_message(self, *_: Any) -> None:
            """Keep the test output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield state
        server.shutdown()
        thread.join()


def address(url: str) -> ClusterAddress:
    """A cluster whose ingress is at `url`."""
    return ClusterAddress("c", Path("kubeconfig"), "", url)


def send(application: Application, *routes: Route, **values: str) -> dict[str, Any]:
    """Send routes to the application."""
    return send_in_order(routes, address(application.url), values, timeout=60, secrets=SECRETS)


def test_requests_are_sent_in_order_and_use_what_earlier_ones_extracted(application: Application) -> None:
    """Templates are encoded for their place, also where HTTP has no Unicode."""
    register = Route(
        application.url,
        "shop.localhost",
        "POST",
        headers=(("Content-Type", "application/json"), ("X-Note", "é")),
        name="register",
        path=Template(("/ü/", Placeholder("id", Encoding.URL))),
        body_template=Template(('{"name":', Placeholder("name", Encoding.JSON), "}")),
        extract=(TOKEN, Extraction("session", "cookie", "sid"), Extraction("place", "header", "location")),
    )
    profile = Route(
        f"{application.url}/",
        "shop.localhost",
        name="profile",
        path=Template(("/profile",)),
        header_templates=(("Authorization", Template(("Bearer ", Placeholder("token")))), ("X-Name", Template((Placeholder("name"),)))),
    )
    application.respond = lambda _: (200, {"Set-Cookie": "sid=c1; Path=/", "Location": "/users/1"}, b'{"token": "t1"}')

    found = send(application, register, profile, id="../a b", name="zoé")

    assert found == {"token": "t1", "session": "c1", "place": "/users/1"}
    (method, path, headers, body), (_, second_path, second, _) = application.requests
    assert (method, path, body) == ("POST", "/%C3%BC/..%2Fa%20b", '{"name":"zoé"}'.encode())
    assert (headers["host"], headers["content-type"], headers["user-agent"]) == ("shop.localhost", "application/json", "kindgate")
    assert headers["x-note"].encode("latin-1") == "é".encode()
    assert (second_path, second["authorization"]) == ("/profile", "Bearer t1")
    assert second["x-name"].encode("latin-1") == "zoé".encode()
    assert "cookie" not in second


def test_a_compressed_body_is_decoded(application: Application) -> None:
    """Some servers compress even if nothing asked for it."""
    application.respond = lambda _: (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"token": "t2"}'))

    assert send(application, Route(application.url, name="a", extract=(TOKEN,))) == {"token": "t2"}


@pytest.mark.parametrize(
    ("answer", "expect", "problem"),
    [
        ((500, b"oops"), None, "setup: register: the response has the status 500, not one below 400"),
        ((200, b"oops"), Expectation(((201, 201), (300, 399))), "has the status 200, not 201 or 300 to 399"),
        ((200, b"oops"), Expectation(substring="fine"), "lacks the text 'fine'"),
        ((200, b'{"a": "b"}'), Expectation(schema='{"type": "array"}'), "violates its JSON schema"),
        ((200, b"oops"), Expectation(schema="{}"), "is not JSON"),
        ((200, b"{}"), None, "the response has no 'token'"),
    ],
)
def test_an_unexpected_response_ends_the_setup(
    application: Application, answer: tuple[int, bytes], expect: Expectation | None, problem: str
) -> None:
    """The error names the request, what was expected, and what came instead; later requests are not sent."""
    application.respond = lambda _: (answer[0], {}, answer[1])
    register = Route(application.url, method="POST", name="register", expect=expect, extract=(TOKEN,))

    with pytest.raises(LoadError) as caught:
        send(application, register, Route(application.url, name="later"))

    assert problem in caught.value.message
    assert f"POST register: status {answer[0]}\n{answer[1].decode()}" in caught.value.last_state
    assert len(application.requests) == 1


def test_no_error_shows_a_secret(application: Application) -> None:
    """It may be in the body, in a header, or in the address of a request that got no response."""
    application.respond = lambda _: (200, {"X-Echo": "key s3cr3t-value"}, b"your key is s3cr3t-value")
    with_secret = Template(("/?key=", Placeholder("key", Encoding.URL)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    routes = [
        Route(application.url, name="a", path=with_secret, expect=Expectation(substring="fine")),
        Route(application.url, name="a", path=with_secret, expect=Expectation(headers=(("X-Echo", "fine"),))),
        Route(closed, name="a", path=with_secret),
    ]

    for route in routes:
        with pytest.raises(LoadError) as caught:
            send(application, route, key="s3cr3t-value")
        assert "s3cr3t" not in str(caught.value)


def test_a_redirect_is_not_followed(application: Application) -> None:
    """What a request leads to is a request of its own."""
    application.respond = lambda _: (302, {"Location": "/elsewhere"}, b"")

    send(application, Route(application.url, name="a"))

    assert [path for _, path, _, _ in application.requests] == ["/"]


def test_a_request_without_a_response_is_not_repeated() -> None:
    """It may have taken effect."""
    received: list[bytes] = []

    def hang_up(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received.append(connection.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(LoadError, match=r"register: no response: .*was not repeated"):
            send_in_order([Route(url, method="POST", name="register")], address(url), {}, timeout=60, secrets=SECRETS)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()

    assert len(received) == 1


def test_a_response_that_trickles_ends_at_the_timeout() -> None:
    """Each byte arrives in time, but the response does not."""
    stop = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(LoadError, match=r"no complete response within 0\.2 s"):
            send_in_order([Route(url, name="a", timeout=0.2)], address(url), {}, timeout=60, secrets=SECRETS)
        stop.set()
        thread.join()


def test_a_truncated_response_is_no_response(application: Application) -> None:
    """Its beginning could look as expected."""
    application.respond = lambda _: (200, {"Content-Length": "50", "Connection": "close"}, b'{"token": "t1"}')

    with pytest.raises(LoadError, match=r"setup: a: no response: "):
        send(application, Route(application.url, name="a"))


def test_all_requests_outside_of_bursts_have_the_same_values() -> None:
    """A user that one request creates can log in with the next one; the salt decides on random values."""
    variables = (
        Rows("user", ("email", "name"), (("a@x", "a"), ("b@x", "b"))),
        Counter("n", 5),
        Uuid("order"),
        RandomInt("size", 1, 10**9),
        Choice("color", tuple(range(1000))),
        Constant("key", "k", secret=True),
    )

    values = first_values(variables, "r1")

    assert (values["user.email"], values["user.name"], values["n"], values["key"], values["run"]) == ("a@x", "a", 5, "k", "r1")
    assert first_values(variables, "r1") == values
    other = first_values(variables, "r2")
    assert all(other[name] != values[name] for name in ("order", "size", "color", "run"))
