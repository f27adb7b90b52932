"""Connecting with a kubeconfig, against a real TLS server."""

from __future__ import annotations

import base64
import ssl
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from kindgate.cluster.api_client import connect
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline

UNREACHABLE = "http://127.0.0.1:9"
"""A proxy that nothing listens on."""


class Greeter(BaseHTTPRequestHandler):
    """Reports the caller's identity from its certificate."""

    def do_GET(self) -> None:
        """Respond with the certificate's common name."""
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate: Any = self.connection.getpeercert()
        name = dict(pair[0] for pair in certificate["subject"])["commonName"]
        body = f'{{"user": "{name}"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the test output clean."""


@pytest.fixture
def authority() -> trustme.CA:
    """A cluster's own certificate authority."""
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[str]:
    """The URL of a server that requires a client certificate from the authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    with HTTPServer(("127.0.0.1", 0), Greeter) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        yield f"https://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def encoded(data: bytes) -> str:
    """Encode bytes the way a kubeconfig stores them."""
    return base64.b64encode(data).decode()


def kubeconfig(folder: Path, url: str, authority: trustme.CA, trusted: trustme.CA) -> ClusterAddress:
    """Write a kubeconfig with an embedded certificate and key, as kind does."""
    client = authority.issue_cert("admin.test", common_name="admin")
    cluster = {"server": url, "certificate-authority-data": encoded(trusted.cert_pem.bytes())}
    user = {
        "client-certificate-data": encoded(client.cert_chain_pems[0].bytes()),
        "client-key-data": encoded(client.private_key_pem.bytes()),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "kind", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return ClusterAddress("test", path, "kind", "")


def test_a_client_certificate_authenticates_and_leaves_no_file(
    server: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL reads certificates from files; those files are deleted before the first request."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with connect(kubeconfig(tmp_path, server, authority, authority)) as api:
        assert list(scratch.rglob("*")) == []
        assert api.request("GET", "/whoami", Deadline.after(10)) == {"user": "admin"}


def test_certificates_are_written_to_the_clusters_private_folder(
    server: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates are written to the cluster's folder, not the shared temporary one, so the watchdog deletes them after a kill."""
    monkeypatch.setenv("KINDGATE_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state" / "clusters" / "test").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no folder"))
    with connect(kubeconfig(tmp_path, server, authority, authority)) as api:
        assert api.request("GET", "/whoami", Deadline.after(10)) == {"user": "admin"}


def test_a_server_of_another_authority_is_not_trusted(server: str, authority: trustme.CA, tmp_path: Path) -> None:
    """Another cluster that took over the port is detected."""
    with connect(kubeconfig(tmp_path, server, authority, trustme.CA())) as api, pytest.raises(ApiError, match="certificate") as caught:
        api.request("GET", "/whoami", Deadline.after(10))
    assert caught.value.status == 0


def test_an_unknown_context_names_the_kubeconfig(authority: trustme.CA, tmp_path: Path) -> None:
    """A misspelled --kind-context is an error that names the kubeconfig."""
    address = kubeconfig(tmp_path, "https://127.0.0.1:1", authority, authority)
    with pytest.raises(ApiError, match="not a usable kubeconfig"), connect(ClusterAddress("x", address.kubeconfig, "other", "")):
        pass


def test_an_environment_proxy_does_not_apply_to_this_machine(
    server: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for the internet cannot reach a cluster on this machine, so HTTPS_PROXY alone must not redirect its requests."""
    monkeypatch.setenv("HTTPS_PROXY", UNREACHABLE)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with connect(kubeconfig(tmp_path, server, authority, authority)) as api:
        assert api.request("GET", "/whoami", Deadline.after(10)) == {"user": "admin"}


@pytest.mark.parametrize(("bypass", "is_proxied"), [("", True), ("elsewhere.invalid", True), (".invalid", False)])
def test_a_remote_cluster_is_reached_through_the_proxy_unless_no_proxy_names_it(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, bypass: str, is_proxied: bool
) -> None:
    """NO_PROXY applies as it does to kubectl; the failed attempt shows the route."""
    for name, value in (("https_proxy", UNREACHABLE), ("no_proxy", bypass)):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.upper(), value)
    address = kubeconfig(tmp_path, "https://cluster.invalid:6443", authority, authority)
    with connect(address) as api, pytest.raises(ApiError) as caught:
        api.request("GET", "/whoami", Deadline.after(10))
    assert ("proxy" in caught.value.message.lower()) == is_proxied
