"""Which kind of failure an exception of a Python HTTP client is, such as those of requests and geventhttpclient."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from kindgate.load.result import FailureKind

_BY_NAME: Final = (
    ("Timeout", FailureKind.TIMEOUT),
    ("SSL", FailureKind.TLS),
    ("NameResolution", FailureKind.DNS),
    ("NewConnection", FailureKind.CONNECT),
    ("Protocol", FailureKind.RESET),
    ("ConnectionClosed", FailureKind.RESET),
    ("TooManyRedirects", FailureKind.HTTP),
)
"""Parts of the names of exceptions that clients define themselves."""

_BY_TYPE: Final = (
    (TimeoutError, FailureKind.TIMEOUT),
    (ssl.SSLError, FailureKind.TLS),
    (socket.gaierror, FailureKind.DNS),
    (ConnectionRefusedError, FailureKind.CONNECT),
    (http.client.HTTPException, FailureKind.RESET),
    (ConnectionError, FailureKind.RESET),
    (EOFError, FailureKind.RESET),
)

_DEPTH: Final = 8


def client_failure_kind(error: BaseException, status: int) -> FailureKind:
    """The kind of a failed request; `status` is that of the response, 0 without one.

    An error that is not about the connection is a wrong response if there is a response, and otherwise counts as a reset,
    like the engine's own errors of unknown kind.
    """
    if status >= 400:
        return FailureKind.HTTP
    for each in _causes(error):
        for kind, failure in _BY_TYPE:
            if isinstance(each, kind):
                return failure
        for part, failure in _BY_NAME:
            if part in type(each).__name__:
                return failure
    return FailureKind.CHECK if status else FailureKind.RESET


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: clients keep the original as cause, `reason` or first argument."""
    current: BaseException | None = error
    for _ in range(_DEPTH):
        if current is None:
            return
        yield current
        wrapped = (getattr(current, "reason", None), *current.args[:1], current.__cause__, current.__context__)
        current = next((each for each in wrapped if isinstance(each, BaseException) and each is not current), None)
