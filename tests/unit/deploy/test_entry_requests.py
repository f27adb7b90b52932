"""Requests to entries: SNI uses the name from the Host header, the certificate must match it, and plain HTTP's response is reported."""

from __future__ import annotations

import http.server
import itertools
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from kindgate.deploy.authority import Authority
from kindgate.deploy.entries import Entry, PathSource
from kindgate.deploy.entry_requests import entry_session, entry_url, plain_http_notes, trusted_file
from kindgate.deploy.ingress_readiness import CERTIFICATE_SECONDS, wait_for_responses
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.waiting import Deadline


class Named(http.server.BaseHTTPRequestHandler):
    """Responds with the SNI name and the Host header."""

    def do_GET(self) -> None:
        """Send the same response for every path."""
        body = f"{getattr(self.connection, 'asked_name', '')} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[ClusterAddress]:
    """A loopback ingress with a certificate for a.localhost and b.localhost, and the CA file that verifies it."""
    authority = Authority(tmp_path / "ca")
    content = authority.issue(["a.localhost", "b.localhost"])
    pair = tmp_path / "pair.pem"
    pair.write_bytes(content["tls.key"] + content["tls.crt"])
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)

    def remember(connection: ssl.SSLObject, name: str | None, _: object) -> None:
        connection.asked_name = name  # type: ignore[attr-defined]  # what the handler shows

    context.set_servername_callback(remember)  # type: ignore[arg-type]  # typeshed wants an SSLSocket, which is given
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Named) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"https://127.0.0.1:{server.server_address[1]}"
        yield ClusterAddress("c", tmp_path / "kubeconfig", "c", "http://127.0.0.1:1", ingress_tls_url=url, ca_file=trusted)
        server.shutdown()
        thread.join()


def entry(host: str, path: str = "/x", *, tls: bool = True) -> Entry:
    """An entry of an Ingress."""
    return Entry(host, path, tls, PathSource.ROUTE, ObjectRef("Ingress", "shop", "shop"), None, path)


def test_each_host_gets_its_own_tls_handshake(address: ClusterAddress) -> None:
    """One session to one address does a handshake per host name; a port in the Host header is ignored."""
    with entry_session(address) as session:
        responses = [
            session.get(entry_url(address, "/", tls=True), headers={"Host": host}).text for host in ("a.localhost", "b.localhost:8443")
        ]

    assert responses == ["a.localhost a.localhost", "b.localhost b.localhost:8443"]


def test_a_certificate_for_other_hosts_is_rejected(address: ClusterAddress) -> None:
    """A certificate for other hosts is rejected even if its authority is trusted."""
    with entry_session(address) as session, pytest.raises(requests.exceptions.SSLError, match=r"other\.localhost"):
        session.get(entry_url(address, "/", tls=True), headers={"Host": "other.localhost"})


def test_a_certificate_of_an_unknown_authority_is_rejected(address: ClusterAddress, tmp_path: Path) -> None:
    """Without the run's CA file only the system's authorities are trusted, and the certificate is rejected."""
    other = replace(address, ca_file=tmp_path / "not-there.pem")

    assert trusted_file(other) is None
    with entry_session(other) as session, pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        session.get(entry_url(other, "/", tls=True), headers={"Host": "a.localhost"})


def test_a_leaf_certificate_can_be_trusted_directly(address: ClusterAddress, tmp_path: Path) -> None:
    """A certificate from the manifests without its authority can be trusted directly."""
    pem = ssl.get_server_certificate(("127.0.0.1", int(address.ingress_tls_url.rpartition(":")[2])))
    (tmp_path / "leaf.pem").write_text(pem)

    with entry_session(replace(address, ca_file=tmp_path / "leaf.pem")) as session:
        assert session.get(entry_url(address, "/", tls=True), headers={"Host": "a.localhost"}).ok


def test_a_missing_tls_url_of_an_existing_cluster_names_the_option(address: ClusterAddress) -> None:
    """The error names the option for the TLS URL, because the given URL is plain HTTP."""
    without_tls_url = replace(address, ingress_tls_url="")

    assert entry_url(without_tls_url, "/x", tls=False) == "http://127.0.0.1:1/x"
    with pytest.raises(DeployError, match="no TLS URL is known") as refused:
        entry_url(without_tls_url, "/x", tls=True)
    assert "--ingress-tls-url" in refused.value.next_step


def test_an_entry_with_a_valid_certificate_is_ready(address: ClusterAddress) -> None:
    """An entry with TLS is requested over HTTPS and verified."""
    (answer,) = wait_for_responses((entry("a.localhost"),), address, Deadline.after(30), times=2)

    assert answer.status == 200


def test_a_persistently_rejected_certificate_ends_the_wait(address: ClusterAddress) -> None:
    """The error names the host and the object with the wrong Secret, because more time cannot help."""
    ticks = itertools.count()
    deadline = Deadline(started=0.0, ends=10_000.0, clock=lambda: float(next(ticks)))

    with pytest.raises(DeployError, match=r"the certificate of other\.localhost was rejected") as refused:
        wait_for_responses((entry("other.localhost"),), address, deadline, times=2)

    assert "Ingress shop/shop" in refused.value.next_step
    assert CERTIFICATE_SECONDS <= (refused.value.waited or 0) < 10_000


ANSWERS = {
    "same.localhost": (308, "https://same.localhost/x"),
    "relative.localhost": (301, "/login"),
    "other.localhost": (302, "https://login.example/x"),
    "open.localhost": (200, ""),
    "closed.localhost": (404, ""),
}


class Plain(http.server.BaseHTTPRequestHandler):
    """Responds to each host as `ANSWERS` defines."""

    requested: list[str]

    def do_GET(self) -> None:
        """Send the same response for every path."""
        self.requested.append(f"{self.headers['Host']}{self.path}")
        status, location = ANSWERS[str(self.headers["Host"])]
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


@pytest.fixture
def plain_address(tmp_path: Path) -> Iterator[ClusterAddress]:
    """A plain HTTP ingress."""
    Plain.requested = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ClusterAddress("c", tmp_path / "kubeconfig", "c", f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("host", "note"),
    [
        ("same.localhost", "http://same.localhost/x answers 308 with a redirect to HTTPS on the same host"),
        ("relative.localhost", "http://relative.localhost/x answers 301 with a redirect to /login"),
        ("other.localhost", "http://other.localhost/x answers 302 with a redirect to https://login.example/x"),
        ("open.localhost", "http://open.localhost/x answers 200 without TLS and does not redirect to HTTPS"),
    ],
)
def test_the_response_to_plain_http_is_reported(plain_address: ClusterAddress, host: str, note: str) -> None:
    """The report names the redirect target, or states that there is no redirect."""
    assert plain_http_notes([entry(host)], plain_address, Deadline.after(10)) == (note,)


def test_an_error_response_to_plain_http_is_not_reported(plain_address: ClusterAddress) -> None:
    """A host that only the TLS entry point serves is not reported."""
    assert plain_http_notes([entry("closed.localhost")], plain_address, Deadline.after(10)) == ()


def test_each_host_with_only_tls_entries_is_requested_once(plain_address: ClusterAddress) -> None:
    """Hosts with an entry without TLS are skipped: that entry is requested over plain HTTP anyway."""
    entries = [entry("same.localhost"), entry("same.localhost", "/y"), entry("open.localhost"), entry("open.localhost", tls=False)]

    plain_http_notes(entries, plain_address, Deadline.after(10))

    assert Plain.requested == ["same.localhost/x"]


def test_a_missing_response_to_plain_http_is_reported(tmp_path: Path) -> None:
    """A missing response is reported but does not fail the run: the entry itself has responded."""
    unreachable = ClusterAddress("c", tmp_path / "kubeconfig", "c", "http://127.0.0.1:1")

    (note,) = plain_http_notes([entry("same.localhost")], unreachable, Deadline.after(10))

    assert note.startswith("http://same.localhost/x: no response:")
