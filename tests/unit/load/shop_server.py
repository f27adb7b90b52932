"""A small shop on loopback: a login that sets a cookie and returns a token, a cart that needs both, and a checkout."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass, field

from tests.unit.load.conftest import read_request


@dataclass(frozen=True)
class Received:
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Shop:
    """Answers and records requests; requests to `held` paths wait for `release`. Paths can have other statuses and bodies."""

    fail: dict[str, int] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    release: threading.Event = field(default_factory=threading.Event)
    received: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    bodies: dict[str, bytes] = field(default_factory=dict)
    logins: int = 0

    def handle(self, connection: socket.socket) -> None:
        """Serve one connection."""
        while True:
            head, _, body = read_request(connection).partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, path, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            with self.lock:
                self.received.append(Received(method, path, headers, body))
            route = path.partition("?")[0]
            if route in self.held and not self.release.wait(60):
                raise ValueError("never released")
            status = self.fail.get(route, 200)
            extra, answer = self._answer(route)
            connection.sendall(f"HTTP/1.1 {status} X\r\n{extra}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)

    def _answer(self, route: str) -> tuple[str, bytes]:
        """The extra headers and the body of an answer."""
        if route != "/login":
            return "Location: /elsewhere\r\n", self.bodies.get(route, b'{"items": [{"id": 7}]}')
        with self.lock:
            self.logins += 1
            number = self.logins
        cookies = f"Set-Cookie: session={number}; Path=/; HttpOnly\r\nSet-Cookie: theme=dark; Path=/cart\r\n"
        return f"Location: /users/{number}\r\n{cookies}", json.dumps({"token": f"t{number}", "user": {"id": number}}).encode()

    def paths(self) -> list[str]:
        """The paths received so far, in order."""
        with self.lock:
            return [each.path for each in self.received]
