"""The kind of failure that a Python HTTP client's exception is."""

from __future__ import annotations

import socket
import ssl

import pytest
import requests
from urllib3.exceptions import ProtocolError

from kindgate.load.client_errors import client_failure_kind
from kindgate.load.result import FailureKind


def _wrapped(outer: Exception, inner: Exception) -> Exception:
    """Return `outer` as raised while `inner` was handled."""
    outer.__context__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Exception("any"), 503, FailureKind.HTTP),
        (requests.HTTPError("404"), 404, FailureKind.HTTP),
        (Exception("wrong total"), 200, FailureKind.CHECK),
        (AssertionError(), 200, FailureKind.CHECK),
        (requests.exceptions.ReadTimeout(), 0, FailureKind.TIMEOUT),
        (requests.exceptions.ConnectTimeout(), 0, FailureKind.TIMEOUT),
        (TimeoutError(), 0, FailureKind.TIMEOUT),
        (requests.exceptions.SSLError(), 0, FailureKind.TLS),
        (ssl.SSLCertVerificationError(), 0, FailureKind.TLS),
        (socket.gaierror(-2, "Name or service not known"), 0, FailureKind.DNS),
        (ConnectionRefusedError(), 0, FailureKind.CONNECT),
        (_wrapped(requests.ConnectionError(), ConnectionRefusedError()), 0, FailureKind.CONNECT),
        (ConnectionResetError(), 0, FailureKind.RESET),
        (ProtocolError("Connection aborted.", ConnectionResetError()), 0, FailureKind.RESET),
        (requests.exceptions.TooManyRedirects(), 0, FailureKind.HTTP),
        (Exception("of a client that is not known"), 0, FailureKind.RESET),
    ],
)
def test_an_exception_has_the_engines_kind(error: Exception, status: int, kind: FailureKind) -> None:
    """A status of 400 or above comes first, then the connection, then the content."""
    assert client_failure_kind(error, status) is kind


def test_the_error_inside_a_wrapped_one_decides() -> None:
    """Clients wrap the operating system's error, in their arguments or as cause."""
    outer = Exception("could not connect")
    outer.__cause__ = ConnectionRefusedError()
    assert client_failure_kind(outer, 0) is FailureKind.CONNECT
    assert client_failure_kind(Exception(socket.gaierror()), 0) is FailureKind.DNS


def test_an_error_that_contains_itself_ends() -> None:
    """A cycle of causes does not hang."""
    first, second = Exception("a"), Exception("b")
    first.__cause__, second.__cause__ = second, first
    assert client_failure_kind(first, 0) is FailureKind.RESET
