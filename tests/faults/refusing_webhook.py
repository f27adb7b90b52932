"""An admission webhook on this machine that rejects every Deployment, reachable from the cluster's nodes."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trustme

from kindgate.waiting import Deadline
from tests.faults.scene import SHARED_CLUSTER, Scene

NAMESPACE = "fault-webhook"
REFUSAL = "nothing is let in here"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Reject the request under review (admission.k8s.io/v1)."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        response = {"uid": review["request"]["uid"], "allowed": False, "status": {"code": 403, "message": REFUSAL}}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def refusing_webhook(scene: Scene) -> Iterator[dict[str, Any]]:
    """Serve during the block; yield the ValidatingWebhookConfiguration for the server."""
    gateway = scene.engine.run(
        "network", "inspect", SHARED_CLUSTER, "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}", deadline=Deadline.after(20)
    ).stdout.split()
    address = next(candidate for candidate in gateway if ":" not in candidate)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(address).configure_cert(context)
    with http.server.ThreadingHTTPServer((address, 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield _configuration(f"https://{address}:{server.server_address[1]}/", authority.cert_pem.bytes())
        server.shutdown()
        thread.join(5)


def _configuration(url: str, certificate: bytes) -> dict[str, Any]:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}
    webhook = {
        "name": "refusing.kindgate.dev",
        "clientConfig": {"url": url, "caBundle": base64.b64encode(certificate).decode()},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 5,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "refusing"},
        "webhooks": [webhook],
    }
