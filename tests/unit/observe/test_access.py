"""Access through the API server: certificates and path, on a TLS server that requires both."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from kindgate.errors import MetricsError
from kindgate.observe.prometheus_client import prometheus_in_cluster
from kindgate.waiting import Deadline

UP = (Path(__file__).parent / "fixtures" / "up.json").read_bytes()


def _encoded(*parts: trustme.Blob) -> str:
    return base64.b64encode(b"".join(part.bytes() for part in parts)).decode()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Write a kubeconfig for a TLS server that requires a client certificate and serves `up` only behind the Service's proxy path."""
    authority = trustme.CA()
    mine = authority.issue_cert("admin@example.test")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expected = self.path.startswith("/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?")
            self.send_response(200 if expected else 404)
            self.send_header("Content-Length", str(len(UP)))
            self.end_headers()
            self.wfile.write(UP)

        def log_message(self, *_: Any) -> None:
            """Silence the request log."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = {"server": f"https://127.0.0.1:{server.server_port}", "certificate-authority-data": _encoded(authority.cert_pem)}
    user = {
        "client-certificate-data": _encoded(*mine.cert_chain_pems),
        "client-key-data": _encoded(mine.private_key_pem),
    }
    file = tmp_path / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "kind-x",
        "clusters": [{"name": "kind-x", "cluster": address}],
        "users": [{"name": "kind-x", "user": user}],
        "contexts": [{"name": "kind-x", "context": {"cluster": "kind-x", "user": "kind-x"}}],
    }
    file.write_text(yaml.safe_dump(document))
    yield file
    server.shutdown()
    thread.join()
    server.server_close()


def test_prometheus_is_reached_through_the_api_server_with_the_kubeconfigs_certificates(kubeconfig: Path) -> None:
    """Both sides verify each other's certificate, and the path is the Service's proxy."""
    with prometheus_in_cluster(kubeconfig, "kind-x") as client:
        assert len(client.query("up", Deadline.after(20)).items) > 1


def test_a_proxy_for_the_internet_is_not_asked(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY does not apply to a cluster on this machine."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with prometheus_in_cluster(kubeconfig) as client:
        client.query("up", Deadline.after(20))


def test_a_context_that_is_not_there_is_named(kubeconfig: Path) -> None:
    """The message names the missing context."""
    with pytest.raises(MetricsError, match="kind-y"):
        prometheus_in_cluster(kubeconfig, "kind-y")


def test_a_kubeconfig_that_is_none_is_named(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(MetricsError, match="absent"):
        prometheus_in_cluster(tmp_path / "absent")
