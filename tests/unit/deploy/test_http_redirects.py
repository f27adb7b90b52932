"""Plain HTTP is requested once for each host with TLS, and its response is reported."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindgate.deploy.entries import Entry, PathSource
from kindgate.deploy.entry_requests import plain_http_notes
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.waiting import Deadline

ANSWERS = {
    "same.localhost": (308, "https://same.localhost/x"),
    "relative.localhost": (301, "/login"),
    "other.localhost": (302, "https://login.example/x"),
    "open.localhost": (200, ""),
    "closed.localhost": (404, ""),
}


class Plain(http.server.BaseHTTPRequestHandler):
    """Responds to each host as `ANSWERS` defines."""

    asked: list[str]

    def do_GET(self) -> None:
        """Send the same response for every path."""
        self.asked.append(f"{self.headers['Host']}{self.path}")
        status, location = ANSWERS[str(self.headers["Host"])]
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[ClusterAddress]:
    """A plain HTTP ingress."""
    Plain.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ClusterAddress("c", tmp_path / "kubeconfig", "c", f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


def entry(host: str, path: str = "/x", *, tls: bool = True) -> Entry:
    """An entry of an Ingress."""
    return Entry(host, path, tls, PathSource.ROUTE, ObjectRef("Ingress", "shop", "shop"), None, path)


@pytest.mark.parametrize(
    ("host", "note"),
    [
        ("same.localhost", "http://same.localhost/x answers 308 with a redirect to HTTPS on the same host"),
        ("relative.localhost", "http://relative.localhost/x answers 301 with a redirect to /login"),
        ("other.localhost", "http://other.localhost/x answers 302 with a redirect to https://login.example/x"),
        ("open.localhost", "http://open.localhost/x answers 200 without TLS and does not redirect to HTTPS"),
    ],
)
def test_the_answer_to_plain_http_is_said(address: ClusterAddress, host: str, note: str) -> None:
    """The report names the redirect target, or states that there is no redirect."""
    assert plain_http_notes([entry(host)], address, Deadline.after(10)) == (note,)


def test_a_host_that_plain_http_does_not_serve_is_no_news(address: ClusterAddress) -> None:
    """A host that only the TLS entry point serves is not reported."""
    assert plain_http_notes([entry("closed.localhost")], address, Deadline.after(10)) == ()


def test_each_host_is_asked_once_and_only_where_all_its_entries_have_tls(address: ClusterAddress) -> None:
    """Hosts with an entry without TLS are skipped: that entry is requested over plain HTTP anyway."""
    entries = [entry("same.localhost"), entry("same.localhost", "/y"), entry("open.localhost"), entry("open.localhost", tls=False)]

    plain_http_notes(entries, address, Deadline.after(10))

    assert Plain.asked == ["same.localhost/x"]


def test_no_answer_is_said(tmp_path: Path) -> None:
    """A missing response is reported but does not fail the run: the entry itself has responded."""
    nowhere = ClusterAddress("c", tmp_path / "kubeconfig", "c", "http://127.0.0.1:1")

    (note,) = plain_http_notes([entry("same.localhost")], nowhere, Deadline.after(10))

    assert note.startswith("http://same.localhost/x: no response:")
