"""Every kind of server failure lands in its failure class, and the burst ends on time."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pycurl
import pytest
import trustme

from kindgate.load.expectation import Expectation
from kindgate.load.failure_kinds import failure_kind
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult, FailureKind, Series

Serve = Callable[[Callable[[socket.socket], None]], str]
Behaviors = dict[str, Callable[[socket.socket], None]]

REQUESTS = 20
PATIENT = 10.0
SHORT = 0.4
"""Timeouts in seconds: for servers that answer even on a busy machine, and for those that never do."""


def plan_for(url: str, expect: Expectation | None = None, timeout: float = PATIENT) -> BurstPlan:
    """A short burst of 20 requests."""
    return BurstPlan((Route(url, expect=expect),), OpenLoop.constant(100, requests=REQUESTS), timeout=timeout)


def failures_of(result: BurstResult) -> dict[FailureKind, int]:
    """Return the failures of a burst, which must cover every request and end within its timeout."""
    assert result.scheduled == REQUESTS
    assert result.total.completed + result.total.failures == REQUESTS
    assert result.window.seconds < 0.2 + result.plan.timeout + 1
    return result.failed


@pytest.mark.parametrize(
    ("behavior", "kind"),
    [
        ("500", FailureKind.HTTP),
        ("503", FailureKind.HTTP),
        ("400", FailureKind.HTTP),
        ("404", FailureKind.HTTP),
        ("nonsense", FailureKind.HTTP),
        ("closing", FailureKind.RESET),
        ("resetting", FailureKind.RESET),
        ("cut short", FailureKind.RESET),
        ("hanging", FailureKind.TIMEOUT),
        ("dripping", FailureKind.TIMEOUT),
    ],
)
def test_server_failures_are_classified_by_kind(
    behavior: str, kind: FailureKind, serve: Serve, behaviors: Behaviors, pool: GeneratorPool
) -> None:
    """Every request's failure is counted as its actual kind."""
    timeout = SHORT if kind is FailureKind.TIMEOUT else PATIENT
    assert failures_of(run_burst(plan_for(serve(behaviors[behavior]), timeout=timeout), pool=pool)) == {kind: REQUESTS}


@pytest.mark.parametrize("behavior", ["well", "megabyte"])
def test_complete_responses_are_successes(behavior: str, serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """Small and large bodies are received whole."""
    result = run_burst(plan_for(serve(behaviors[behavior])), pool=pool)
    assert failures_of(result) == {}
    assert result.total.status == {200: REQUESTS}
    assert result.total.bytes_received == REQUESTS * (3 if behavior == "well" else 1_000_000)


def test_status_is_counted_for_http_failures(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """A server error is an answer: it has a status and a service time but is not a success."""
    total: Series = run_burst(plan_for(serve(behaviors["503"])), pool=pool).total
    assert (total.status, total.service.count, total.failed_response.count) == ({503: REQUESTS}, REQUESTS, REQUESTS)
    assert total.response.count == 0


def test_a_refused_port_is_a_connect_failure(pool: GeneratorPool) -> None:
    """A closed port is libcurl's error 7."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = run_burst(plan_for(f"http://127.0.0.1:{unused.getsockname()[1]}/"), pool=pool)
    assert failures_of(result) == {FailureKind.CONNECT: REQUESTS}


def test_an_unknown_name_is_a_dns_failure(pool: GeneratorPool) -> None:
    """A name under the reserved domain `invalid` (RFC 2606) resolves nowhere; a silent resolver is a timeout."""
    failed = failures_of(run_burst(plan_for("http://nobody.invalid/"), pool=pool))
    assert sum(failed.values()) == REQUESTS
    assert set(failed) <= {FailureKind.DNS, FailureKind.TIMEOUT}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (pycurl.E_COULDNT_RESOLVE_HOST, FailureKind.DNS),
        (pycurl.E_GOT_NOTHING, FailureKind.RESET),
        (pycurl.E_SEND_ERROR, FailureKind.RESET),
        (pycurl.E_PEER_FAILED_VERIFICATION, FailureKind.TLS),
    ],
)
def test_libcurl_errors_have_a_kind(error: int, kind: FailureKind) -> None:
    """Errors that no server here triggers are mapped too."""
    assert failure_kind(error, 0) is kind


def test_running_out_of_ports_is_not_the_servers_failure() -> None:
    """EADDRNOTAVAIL and EMFILE are local errors: the request was never sent."""
    assert failure_kind(pycurl.E_COULDNT_CONNECT, 99) is None
    assert failure_kind(pycurl.E_COULDNT_CONNECT, 24) is None
    assert failure_kind(pycurl.E_COULDNT_CONNECT, 111) is FailureKind.CONNECT


@pytest.mark.parametrize(
    ("expect", "passes"),
    [
        (Expectation(substring="fo"), True),
        (Expectation(substring="bar"), False),
        (Expectation(size_min=3, size_max=3), True),
        (Expectation(size_min=4, size_max=4), False),
    ],
)
def test_a_wrong_body_is_a_check_failure(
    expect: Expectation, *, passes: bool, serve: Serve, behaviors: Behaviors, pool: GeneratorPool
) -> None:
    """An answer with status 200 and the wrong content is a failure and a failed check."""
    result = run_burst(plan_for(serve(behaviors["well"]), expect), pool=pool)
    assert failures_of(result) == ({} if passes else {FailureKind.CHECK: REQUESTS})
    assert (result.total.checks_passed, result.total.checks_failed) == ((REQUESTS, 0) if passes else (0, REQUESTS))


@pytest.fixture
def tls_server() -> Iterator[tuple[str, trustme.CA]]:
    """An HTTPS server for foo.localhost, and the CA that signed its certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("foo.localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def accept() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nfoo")
                except OSError:
                    plain.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/", authority
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_an_untrusted_certificate_is_a_tls_failure(tls_server: tuple[str, trustme.CA], pool: GeneratorPool) -> None:
    """The handshake fails before any request."""
    plan = BurstPlan((Route(tls_server[0], host="foo.localhost"),), OpenLoop.constant(100, requests=REQUESTS), timeout=PATIENT)
    assert run_burst(plan, pool=pool).failed == {FailureKind.TLS: REQUESTS}


def test_tls_trusts_the_given_authority_for_the_routes_host(
    tls_server: tuple[str, trustme.CA], tmp_path: Path, pool: GeneratorPool
) -> None:
    """The URL names an address and the route a host; the certificate is checked against the host."""
    url, authority = tls_server
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    loop = OpenLoop.constant(50, requests=5)
    trusted = BurstPlan((Route(url, host="foo.localhost"),), loop, timeout=PATIENT, ca_file=str(tmp_path / "ca.pem"))
    assert run_burst(trusted, pool=pool).failed == {}
    wrong_host = BurstPlan((Route(url, host="bar.localhost"),), loop, timeout=PATIENT, ca_file=str(tmp_path / "ca.pem"))
    assert run_burst(wrong_host, pool=pool).failed == {FailureKind.TLS: 5}
    unverified = BurstPlan((Route(url),), loop, timeout=PATIENT, verify=False)
    assert run_burst(unverified, pool=pool).failed == {}


def test_a_burst_against_a_silent_server_ends_with_its_timeout(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """The last request is due within 0.2 s and given up 0.4 s later; the burst is far shorter than with the default timeout."""
    result = run_burst(plan_for(serve(behaviors["hanging"]), timeout=SHORT), pool=pool)
    assert result.window.seconds < 10


def test_a_server_that_hangs_holds_the_burst_for_its_timeout(serve: Serve, behaviors: Behaviors, pool: GeneratorPool) -> None:
    """It lasts that long after its last request and no longer; the default is ten seconds."""
    usual = BurstPlan((Route(serve(behaviors["hanging"])),), OpenLoop.constant(100, requests=10, arrival="uniform"))
    assert usual.timeout == 10.0
    result = run_burst(replace(usual, timeout=1.0), pool=pool)
    assert result.failed == {FailureKind.TIMEOUT: 10}
    assert 1.0 <= result.window.seconds < usual.timeout
