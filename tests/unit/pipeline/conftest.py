"""An application in two versions behind one address: real answers, and what the pipeline knows of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindgate.deploy.beside import place_beside
from kindgate.deploy.entries import entries_of
from kindgate.model import ClusterAddress
from kindgate.pipeline.lease import Lease
from kindgate.pipeline.stages import Provisioned
from tests.unit.deploy.objects import deployment, ingress, rendered, service

SLOW_SECONDS = 0.08
"""What the host `slow.localhost` waits before it answers; others answer at once."""


class Answering(BaseHTTPRequestHandler):
    """Answers every GET with a line, `slow.localhost` late and `broken.localhost` with 500."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets: the second would wait 40 ms

    def do_GET(self) -> None:
        """Answer."""
        host = self.headers.get("Host", "")
        if host.startswith("slow."):
            threading.Event().wait(SLOW_SECONDS)
        self.send_response(500 if host.startswith("broken.") else 200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"foo\n")

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture(scope="session")
def ingress_url() -> Iterator[str]:
    """The address of a server that answers for every host."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def lease(tmp_path: Path) -> Lease:
    """A lease that no other test waits for."""
    return Lease(tmp_path / "run.lock", tmp_path / "machine.lock")


@pytest.fixture
def standing(ingress_url: str, tmp_path: Path) -> Provisioned:
    """The application of one host with its base version beside it, as the pipeline hands them out."""
    head = rendered(ingress("slow.localhost"), deployment(), service())
    address = ClusterAddress("test", tmp_path / "kubeconfig", "test", ingress_url)
    return Provisioned(
        address=address,
        rendered=head,
        kubectl=tmp_path / "kubectl",
        artifacts=tmp_path / "artifacts",
        measurements=tmp_path / "measurements",
        monitoring=False,
        base=place_beside(head, head),
        entries=entries_of(head),
    )
