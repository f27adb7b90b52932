"""A server on loopback that answers as Prometheus does, with recordings from a real cluster."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kindgate.observe.prometheus_client import PrometheusClient

FIXTURES = Path(__file__).parent / "fixtures"

Answer = Callable[[str, dict[str, str]], tuple[int, bytes]]
"""From an API endpoint and its parameters to a status and a body."""


@dataclass
class PrometheusServer:
    """A server's address, its answers and the requests it received."""

    url: str
    answer: Answer
    requested: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def recorded(name: str) -> Any:
    """Return a real Prometheus' recorded answer."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


@pytest.fixture
def prometheus() -> Iterator[PrometheusServer]:
    """A server whose answers the test sets."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            endpoint = parts.path.rsplit("/", 1)[-1]
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            served.requested.append((endpoint, parameters))
            served.paths.append(parts.path)
            status, body = served.answer(endpoint, parameters)
            self.send_response(status)
            self._send(body)

        def _send(self, body: bytes) -> None:
            """Send the body as Prometheus does through the API server: compressed if accepted, and in chunks."""
            if "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in (body[: len(body) // 2], body[len(body) // 2 :]):
                if chunk:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Silence the request log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = PrometheusServer(f"http://127.0.0.1:{server.server_port}", lambda *_: (404, b"no answer is set"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(prometheus: PrometheusServer) -> Iterator[PrometheusClient]:
    """A client of the server."""
    with PrometheusClient(prometheus.url) as opened:
        yield opened


@pytest.fixture
def load_of_30_s(prometheus: PrometheusServer) -> Callable[[float, float], None]:
    """Serve a recorded load that starts at the first time; cAdvisor's oldest sample is at the second."""
    recording = recorded("load_of_30_s")

    def serve(began: float, oldest_sample: float) -> None:
        def answer(_: str, parameters: dict[str, str]) -> tuple[int, bytes]:
            query = parameters["query"]
            if query.startswith("min(timestamp("):
                return 200, _success("vector", [{"metric": {}, "value": [began, str(oldest_sample)]}])
            metric = query.partition("{")[0]
            rows = [
                {"metric": row["metric"], "values": [[began + time, _shifted(metric, value, began)] for time, value in row["values"]]}
                for row in recording["matrices"][metric]
                if row["metric"]["namespace"] in query
            ]
            return 200, _success("matrix", rows)

        prometheus.answer = answer

    return serve


def _shifted(metric: str, value: str, began: float) -> str:
    return str(float(value) + began) if metric in {"container_start_time_seconds", "container_last_seen"} else value


def _success(kind: str, result: list[Any]) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()
