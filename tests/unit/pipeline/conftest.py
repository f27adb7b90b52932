"""An application in two versions behind one address: real HTTP answers, and what the pipeline reports about them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.deploy.baseline import place_baseline
from kindgate.deploy.entries import entries_of
from kindgate.model import ClusterAddress
from kindgate.pipeline.environment import DeployedApplication, RunningCluster
from kindgate.pipeline.load_lock import LoadLock
from tests.unit.deploy.objects import deployment, ingress, rendered, service

SLOW_SECONDS = 0.08
"""Delay in seconds before the host `slow.localhost` answers; other hosts answer immediately."""


class Answering(BaseHTTPRequestHandler):
    """Answers every GET with one line: `slow.localhost` after a delay, `broken.localhost` with 500."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets, so Nagle's algorithm would delay the second by 40 ms

    def do_GET(self) -> None:
        """Send the answer."""
        host = self.headers.get("Host", "")
        if host.startswith("slow."):
            threading.Event().wait(SLOW_SECONDS)
        self.send_response(500 if host.startswith("broken.") else 200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"foo\n")

    def log_message(self, *_: object) -> None:
        """Silence the request log."""


class Server(ThreadingHTTPServer):
    """Answers clients that may leave before the answer: their timeouts are shorter than a delay on a busy machine."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that have disconnected."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # a socket and its address


@pytest.fixture(scope="session")
def ingress_url() -> Iterator[str]:
    """The address of a server that answers for every host."""
    server = Server(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def load_lock(tmp_path: Path) -> LoadLock:
    """A file lock that no other test waits for."""
    return LoadLock(tmp_path / "run.lock", tmp_path / "machine.lock")


@pytest.fixture
def application(ingress_url: str, tmp_path: Path) -> DeployedApplication:
    """An application with one host and its baseline deployed alongside, as the pipeline returns it."""
    head = rendered(ingress("slow.localhost"), deployment(), service())
    address = ClusterAddress("test", tmp_path / "kubeconfig", "test", ingress_url)
    cluster = RunningCluster(
        address=address,
        rendered=head,
        kubectl=tmp_path / "kubectl",
        artifacts=tmp_path / "artifacts",
        measurements=tmp_path / "measurements",
        base=place_baseline(head, head),
    )
    return DeployedApplication(cluster, entries_of(head))
