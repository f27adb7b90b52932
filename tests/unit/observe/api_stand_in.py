"""A loopback server that responds to a bundle's reads like an API server, and a kubeconfig for it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from kindgate.model import ClusterAddress

RESOURCES = {
    "/api/v1": [
        ("Pod", "pods", True),
        ("Event", "events", True),
        ("Node", "nodes", False),
        ("Secret", "secrets", True),
        ("PersistentVolumeClaim", "persistentvolumeclaims", True),
    ],
    "/apis/apps/v1": [("Deployment", "deployments", True)],
}
"""The discovery response: kind, plural name, and whether the kind is namespaced."""

KUBECONFIG_TOKEN = "kubeconfig-token-canary"


@dataclass
class Server:
    """Responds by path; `forbidden` paths get a 403; `requested` records every path with its query."""

    address: ClusterAddress
    answers: dict[str, Any] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    requested: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A cluster without objects."""
    kubeconfig = tmp_path / "kubeconfig"
    server_state = Server(ClusterAddress("test", kubeconfig, "test", ""))
    for path, kinds in RESOURCES.items():
        server_state.answers[path] = {"resources": [{"kind": kind, "name": name, "namespaced": spaced} for kind, name, spaced in kinds]}
        server_state.answers |= {f"{path}/{name}": {"items": []} for _, name, _ in kinds}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            server_state.requested.append((parts.path, dict(parse_qsl(parts.query))))
            response = server_state.answers.get(parts.path)
            status = 403 if parts.path in server_state.forbidden else 404 if response is None else 200
            if status != 200:
                response = {"kind": "Status", "message": f"{parts.path}: {status}", "reason": ""}
            body = response.encode() if isinstance(response, str) else json.dumps(response).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test output clean: requests are recorded in `requested`."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        url = f"http://127.0.0.1:{listening.server_address[1]}"
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "test", "cluster": {"server": url}}],
                    "users": [{"name": "test", "user": {"token": KUBECONFIG_TOKEN}}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                    "current-context": "test",
                }
            )
        )
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server_state
        listening.shutdown()
        thread.join()
