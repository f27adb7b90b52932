"""Parts that several tests of the host room use: an HTTP server on loopback and a cache folder of the test's own."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.host.apt_machine import Machine


@dataclass
class Site:
    """A web site: what it holds by path, and which paths were asked for."""

    url: str
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    """A real HTTP server; a path that it does not hold is 404."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append(self.path)
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing: the test looks at what was asked for."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = Site(f"http://127.0.0.1:{server.server_address[1]}")
        pages: Mapping[str, bytes] = there.pages
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield there
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder, empty and the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("KINDGATE_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with apt."""
    return Machine(tmp_path, monkeypatch)
