"""The client: typed answers, and errors that quote Prometheus.

Access through the API server is tested on a TLS server that requires certificates and path.
"""

from __future__ import annotations

import base64
import json
import logging
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from kindgate.errors import MetricsError, NoSamplesError
from kindgate.model import ClusterAddress, Window
from kindgate.observe.prometheus_client import PrometheusClient, prometheus_in_cluster
from kindgate.waiting import Deadline

FIXTURES = Path(__file__).parent / "fixtures"


def _recorded(name: str, status: int = 200) -> Callable[..., tuple[int, bytes]]:
    return lambda *_: (status, (FIXTURES / f"{name}.json").read_bytes())


@pytest.fixture
def deadline() -> Deadline:
    """A deadline longer than any answer on loopback takes."""
    return Deadline.after(20)


def test_an_instant_query_returns_labeled_values(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """Each series has its labels, value and timestamp."""
    prometheus.answer = _recorded("up")
    answer = client.query("up", deadline, at=1795473865.3733)
    assert {sample.labels["node"]: sample.value for sample in answer} == {"kgrec-control-plane": 1, "kgrec-worker": 1, "kgrec-worker2": 1}
    assert answer.items[0].time == 1795473865.373
    assert prometheus.requested == [("query", {"query": "up", "time": "1795473865.373"})]


def test_a_query_without_a_time_uses_prometheus_own_clock(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """A clock difference moves no query into the future."""
    prometheus.answer = _recorded("up")
    client.query("up", deadline)
    assert "time" not in prometheus.requested[0][1]


def test_a_scalar_is_a_sample_without_labels(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """`scalar(...)` is queried like any other expression."""
    prometheus.answer = _recorded("scalar")
    assert client.query("scalar(vector(3))", deadline).value == 3


def test_a_range_query_returns_series_over_time(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """Times ascend, and start and end are sent with millisecond precision."""
    prometheus.answer = _recorded("range")
    (first, *_) = client.query_range("rate(x[30s])", Window(1795473833.29132, 1795473845.373), 5, deadline)
    assert first.labels["pod"].startswith("foo-")
    assert len(first.times) == len(first.values) > 1
    assert list(first.times) == sorted(first.times)
    assert prometheus.requested[0] == (
        "query_range",
        {"query": "rate(x[30s])", "start": "1795473833.291", "end": "1795473845.373", "step": "5"},
    )


def test_warnings_are_kept(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """A figure with a warning from Prometheus is not reported without it."""
    answer = json.loads((FIXTURES / "up.json").read_text()) | {"warnings": ["half a store answered"], "infos": ["no counter"]}
    prometheus.answer = lambda *_: (200, json.dumps(answer).encode())
    assert client.query("up", deadline).warnings == ("half a store answered", "no counter")


def test_missing_samples_are_a_separate_error(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """Missing data is never shown as 0."""
    prometheus.answer = _recorded("empty")
    with pytest.raises(NoSamplesError, match="no_such_metric"):
        client.query("no_such_metric", deadline)


def test_a_rejected_query_reports_the_reason(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """The error quotes Prometheus' explanation of the invalid expression."""
    prometheus.answer = _recorded("bad", 400)
    with pytest.raises(MetricsError, match="unclosed left parenthesis") as refused:
        client.query("sum(", deadline)
    assert not isinstance(refused.value, NoSamplesError)


def test_a_response_from_another_server_is_quoted(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """An error of the API server in front of Prometheus is quoted with its status."""
    prometheus.answer = lambda *_: (503, b"no endpoints available for service")
    with pytest.raises(MetricsError, match="HTTP 503: no endpoints available"):
        client.query("up", deadline)


def test_an_unexpected_result_type_is_an_error(client: PrometheusClient, prometheus: Any, deadline: Deadline) -> None:
    """A range selector where one value is needed is an error in the query, not a crash."""
    prometheus.answer = _recorded("range")
    with pytest.raises(MetricsError, match="matrix"):
        client.query("up[1m]", deadline)
    prometheus.answer = _recorded("up")
    with pytest.raises(MetricsError, match="vector"):
        client.query_stored("up", deadline, at=1.0)


def test_an_unreachable_prometheus_is_an_error_with_a_next_step(deadline: Deadline) -> None:
    """The message names the unresponsive address."""
    with PrometheusClient("http://127.0.0.1:9") as client, pytest.raises(MetricsError, match=r"127\.0\.0\.1:9 did not respond") as raised:
        client.query("up", deadline)
    assert "kubectl" in raised.value.next_step


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that sends a byte every 20 ms forever."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"1\r\n \r\n")
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    thread.join()
    listener.close()


def test_a_slow_response_ends_at_the_deadline(dripping: str) -> None:
    """A slow, endless answer does not keep a run waiting."""
    began = time.monotonic()
    with PrometheusClient(dripping) as client, pytest.raises(MetricsError, match="took too long"):
        client.query("up", Deadline.after(0.2))
    assert time.monotonic() - began < 60


UP = (Path(__file__).parent / "fixtures" / "up.json").read_bytes()


def _encoded(*parts: trustme.Blob) -> str:
    return base64.b64encode(b"".join(part.bytes() for part in parts)).decode()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Write a kubeconfig for a TLS server that requires a client certificate and serves `up` only behind the Service's proxy path."""
    authority = trustme.CA()
    client_certificate = authority.issue_cert("admin@example.test")

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
        "client-certificate-data": _encoded(*client_certificate.cert_chain_pems),
        "client-key-data": _encoded(client_certificate.private_key_pem),
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


def address(kubeconfig: Path, context: str = "kind-x") -> ClusterAddress:
    """Return the address of the server in `kubeconfig`."""
    return ClusterAddress("x", kubeconfig, context, "")


def test_the_kubeconfigs_certificates_authenticate_at_the_api_server(kubeconfig: Path) -> None:
    """Both sides verify each other's certificate, and the path is the Service's proxy."""
    with prometheus_in_cluster(address(kubeconfig)) as client:
        assert len(client.query("up", Deadline.after(20)).items) > 1


def test_an_environment_proxy_is_not_used(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY does not apply to a cluster on this machine."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with prometheus_in_cluster(address(kubeconfig)) as client:
        client.query("up", Deadline.after(20))


def test_a_missing_context_is_named(kubeconfig: Path) -> None:
    """The message names the missing context."""
    with pytest.raises(MetricsError, match="kind-y"):
        prometheus_in_cluster(address(kubeconfig, "kind-y"))


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(MetricsError, match="absent"):
        prometheus_in_cluster(address(tmp_path / "absent"))


def test_the_key_is_on_disk_only_while_it_is_loaded(kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed run leaves no copy of a cluster's private key in the temporary folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with prometheus_in_cluster(address(kubeconfig)) as client:
        assert list(scratch.rglob("*")) == []
        assert len(client.query("up", Deadline.after(20)).items) > 1


def test_queries_are_logged_with_status_and_duration(
    client: PrometheusClient, prometheus: Any, deadline: Deadline, caplog: pytest.LogCaptureFixture
) -> None:
    """A slow query is found by its text."""
    prometheus.answer = _recorded("up")
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        client.query('up{job="a"}', deadline)

    assert [message.rpartition(" in ")[0] for message in caplog.messages] == ['query up{job="a"}: 200']
