"""Well-behaved and failing servers on loopback, and generators shared by tests."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from kindgate.load.generator_pool import GeneratorPool

Handler = Callable[[socket.socket], None]
"""Serves one connection, which is closed on return."""

Serve = Callable[[Handler], str]
"""Starts a server that serves every connection with the handler; returns its URL."""


class Server:
    """Accepts connections until closed and serves each in its own thread."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._handler(connection)
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """Shut down every connection and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers and close them after the test."""
    with contextlib.ExitStack() as stack:

        def start(handler: Handler) -> str:
            server = Server(handler)
            stack.callback(server.close)
            return server.url

        yield start


@pytest.fixture(scope="session")
def pool() -> Iterator[GeneratorPool]:
    """Generators shared by all tests of this package."""
    with GeneratorPool() as generators:
        yield generators


def read_request(connection: socket.socket) -> bytes:
    """Read one request with its body; raise `ValueError` if the client is gone."""
    text = b""
    while b"\r\n\r\n" not in text:
        part = connection.recv(65536)
        if not part:
            raise ValueError("the client closed the connection")
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(status: str = "200 OK", body: bytes = b"foo") -> Handler:
    """Answer every request alike and keep the connection open."""
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def handler(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(answer)

    return handler


def closing(connection: socket.socket) -> None:
    """Read a request and close without answering."""
    read_request(connection)


def resetting(connection: socket.socket) -> None:
    """Read a request and reset the connection."""
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hanging(connection: socket.socket) -> None:
    """Read everything and never answer."""
    while connection.recv(65536):
        pass


def talking_nonsense(connection: socket.socket) -> None:
    """Answer with something that is not HTTP."""
    read_request(connection)
    connection.sendall(b"\x00\x01\x02 I am no web server\r\n\r\n")


def cutting_short(connection: socket.socket) -> None:
    """Promise a hundred bytes and send three."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfoo")


def dripping(connection: socket.socket) -> None:
    """Send an endless body a few bytes at a time."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    gone = threading.Event()
    while not gone.wait(0.02):
        connection.sendall(b"drip")


Behaviors = dict[str, Handler]


@pytest.fixture
def behaviors() -> Behaviors:
    """Server behaviors by name."""
    return {
        "well": answering(),
        "500": answering("500 Internal Server Error"),
        "503": answering("503 Service Unavailable"),
        "400": answering("400 Bad Request"),
        "404": answering("404 Not Found"),
        "megabyte": answering(body=b"x" * 1_000_000),
        "closing": closing,
        "resetting": resetting,
        "hanging": hanging,
        "nonsense": talking_nonsense,
        "cut short": cutting_short,
        "dripping": dripping,
    }
