"""Responses of registries and engines: each kind of failure has its own error."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kindgate.errors import (
    DigestMismatch,
    RegistryForbidden,
    RegistryRateLimited,
    RegistryUnauthorized,
    RegistryUnreachable,
)
from kindgate.images.registry_answers import Failure, any_reachable, classify_failure, registry_error


@contextmanager
def registry(status: int) -> Iterator[str]:
    """A server with this status for every request; return its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/v2/" else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [200, 301, 401, 404])
def test_a_responding_registry_is_reachable(status: int) -> None:
    """A 401 for the base path is the usual request for a token."""
    with registry(status) as host:
        assert any_reachable(["127.0.0.1:1", host])


def test_an_unresponsive_registry_is_unreachable() -> None:
    """Nothing listens on port 1, so the registry is unreachable."""
    assert not any_reachable(["127.0.0.1:1"])


@pytest.mark.parametrize(("status", "error"), [(403, RegistryForbidden), (429, RegistryRateLimited)])
def test_a_refusal_is_an_error_instead_of_a_reason_to_build(status: int, error: type[Exception]) -> None:
    """An access error is reported instead of a build that takes minutes."""
    with registry(status) as host, pytest.raises(error, match=host):
        any_reachable([host])


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("Error response from daemon: manifest for traefik:v9 not found: manifest unknown: manifest unknown", Failure.MISSING),
        ("no such manifest: docker.io/library/traefik:v9", Failure.MISSING),
        (
            "pull access denied for fooo, repository does not exist or may require 'docker login': denied: requested access",
            Failure.MISSING,
        ),
        ("reading manifest v9 in quay.io/x/y: name unknown: repository not found", Failure.MISSING),
        ("unauthorized: authentication required", Failure.UNAUTHORIZED),
        ('Head "https://r/v2/a/manifests/1": no basic auth credentials', Failure.UNAUTHORIZED),
        ("unexpected status from HEAD request to https://r/v2/a/manifests/1: 403 Forbidden", Failure.FORBIDDEN),
        ("denied: requested access to the resource is denied", Failure.FORBIDDEN),
        ("toomanyrequests: You have reached your pull rate limit", Failure.RATE_LIMITED),
        ("manifest verification failed for digest sha256:1234", Failure.WRONG_DIGEST),
        ('Get "https://r/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host', Failure.UNREACHABLE),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", Failure.UNREACHABLE),
        ("context deadline exceeded", Failure.UNREACHABLE),
        ("received unexpected HTTP status: 429 ", Failure.RATE_LIMITED),
        ("unexpected status code 401", Failure.UNAUTHORIZED),
        (f"manifest for geofence@sha256:{'429401403' * 7} not found: manifest unknown", Failure.MISSING),
        ("Get https://127.0.0.1:40429/v2/: connection refused", Failure.UNREACHABLE),
        ("pulling geofence:429: something new", Failure.OTHER),
    ],
)
def test_an_engines_output_is_classified(output: str, answer: Failure) -> None:
    """The messages are recorded from Docker and Podman."""
    assert classify_failure(output) is answer


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Failure.UNAUTHORIZED, RegistryUnauthorized),
        (Failure.FORBIDDEN, RegistryForbidden),
        (Failure.RATE_LIMITED, RegistryRateLimited),
        (Failure.WRONG_DIGEST, DigestMismatch),
        (Failure.UNREACHABLE, RegistryUnreachable),
    ],
)
def test_each_refusal_has_its_own_error(answer: Failure, kind: type[Exception]) -> None:
    """The error has the image, the registry's message and the next step."""
    error = registry_error(answer, "ghcr.io/me/app:1", "its words\n")

    assert type(error) is kind
    assert error.message.startswith("ghcr.io/me/app:1: the registry")
    assert error.last_state == "its words"
    assert error.next_step


def test_requests_to_registries_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A registry without a response has the error's class in place of a status."""
    with registry(401) as host, caplog.at_level(logging.DEBUG, logger="kindgate"):
        any_reachable([host])
        any_reachable(["127.0.0.1:1"])

    assert [message.rpartition(" in ")[0] for message in caplog.messages] == [
        f"GET http://{host}/v2/: 401",
        "GET http://127.0.0.1:1/v2/: ConnectionError",
    ]
