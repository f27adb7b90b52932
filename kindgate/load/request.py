"""One reusable HTTP request and its outcome: a libcurl handle that is set up once per route and sent many times.

The outcome of a request is decided here too: whether a response body passes its check, and which kind of failure one of
libcurl's errors is (numbered as in libcurl-errors(3)).
"""

from __future__ import annotations

import codecs
import errno
import functools
import io
import json
import os
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import pycurl

from kindgate.credentials import credentials_of
from kindgate.load.plan import BurstPlan, Check, Route
from kindgate.load.result import FailureKind
from kindgate.load.wire import bracketed, wire_header, wire_host, wire_url

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that can be resent if it is unknown whether the first attempt took effect (RFC 9110, section 9.2.2)."""

_CHARSET: Final = re.compile(rb"""charset\s*=\s*["']?([^\s;"',]+)""", re.IGNORECASE)

_UTF8: Final = "utf-8"

_KINDS: Final = {
    pycurl.E_COULDNT_RESOLVE_HOST: FailureKind.DNS,
    pycurl.E_COULDNT_RESOLVE_PROXY: FailureKind.DNS,
    pycurl.E_COULDNT_CONNECT: FailureKind.CONNECT,
    pycurl.E_INTERFACE_FAILED: FailureKind.CONNECT,
    pycurl.E_OPERATION_TIMEDOUT: FailureKind.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: FailureKind.TLS,
    pycurl.E_SSL_ENGINE_NOTFOUND: FailureKind.TLS,
    pycurl.E_SSL_ENGINE_SETFAILED: FailureKind.TLS,
    pycurl.E_SSL_CERTPROBLEM: FailureKind.TLS,
    pycurl.E_SSL_CIPHER: FailureKind.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: FailureKind.TLS,
    pycurl.E_USE_SSL_FAILED: FailureKind.TLS,
    pycurl.E_SSL_CACERT_BADFILE: FailureKind.TLS,
    pycurl.E_SSL_SHUTDOWN_FAILED: FailureKind.TLS,
    pycurl.E_SSL_CRL_BADFILE: FailureKind.TLS,
    pycurl.E_SSL_ISSUER_ERROR: FailureKind.TLS,
    pycurl.E_SSL_PINNEDPUBKEYNOTMATCH: FailureKind.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: FailureKind.TLS,
    # Not an HTTP response: a bare body (HTTP/0.9), a broken status line or encoding.
    pycurl.E_UNSUPPORTED_PROTOCOL: FailureKind.HTTP,
    pycurl.E_FTP_WEIRD_SERVER_REPLY: FailureKind.HTTP,
    pycurl.E_BAD_CONTENT_ENCODING: FailureKind.HTTP,
    pycurl.E_TOO_MANY_REDIRECTS: FailureKind.HTTP,
}

_MACHINE_FAULTS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS})


class Request:
    """A libcurl handle with the timestamps of its current request, in nanoseconds after the burst's start.

    It owns the handle rather than subclassing it: attributes of a subclass take eight times as long to read.
    """

    __slots__ = ("attempts", "body", "cap_wait", "check", "getinfo", "handle", "intended", "repeatable", "route", "sent", "timeout_ms")

    def __init__(self, plan: BurstPlan, route: int, on_socket: Callable[[int, int], int]) -> None:
        self.handle = pycurl.Curl()
        self.getinfo = self.handle.getinfo
        self.route = route
        self.check = plan.routes[route].check
        self.body: io.BytesIO | None = io.BytesIO() if self.check else None
        self.repeatable = plan.routes[route].method in IDEMPOTENT
        self.attempts = self.intended = self.sent = self.cap_wait = 0
        self.timeout_ms = max(1, round(plan.timeout * 1000))
        self.handle.setopt(pycurl.SOCKOPTFUNCTION, on_socket)
        self._configure(plan, plan.routes[route])

    def _configure(self, plan: BurstPlan, route: Route) -> None:
        put = self.handle.setopt
        put(pycurl.NOSIGNAL, 1)
        put(pycurl.USERAGENT, "kindgate")
        put(pycurl.PROXY, "")  # libcurl would honor http_proxy
        put(pycurl.TIMEOUT_MS, self.timeout_ms)
        put(pycurl.CONNECTTIMEOUT_MS, self.timeout_ms)
        put(pycurl.WRITEFUNCTION, self.body.write if self.body else len)  # without a check, accept and discard the body
        put(pycurl.PREREQFUNCTION, self._before_sending)
        self._address(route)
        self._method(plan, route)
        self._protocol(plan)
        if plan.redirects:
            self._follow(plan.redirects, route)
        if not plan.keep_alive:
            put(pycurl.FRESH_CONNECT, 1)
            put(pycurl.FORBID_REUSE, 1)

    def _before_sending(self, *_connection: object) -> int:
        """Count an attempt, and refuse to repeat a request that may already have taken effect.

        libcurl resends a request with any method when a kept connection is closed before the first byte of the response.
        """
        self.attempts += 1
        return pycurl.PREREQFUNC_OK if self.attempts == 1 or self.repeatable else pycurl.PREREQFUNC_ABORT

    def _address(self, route: Route) -> None:
        """Connect to the URL's address, regardless of the host name of the request.

        TLS takes the server name from the URL, so for https the name goes into the URL and the address into CONNECT_TO.
        """
        url = wire_url(route.url)
        parts = urlsplit(url)
        if parts.scheme == "https" and route.host:
            name = urlsplit(f"//{wire_host(route.host)}")
            port = name.port or parts.port or 443
            self.handle.setopt(pycurl.CONNECT_TO, [f"::{bracketed(parts.hostname or '')}:{parts.port or 443}"])
            url = urlunsplit((parts.scheme, f"{bracketed(name.hostname or '')}:{port}", parts.path, parts.query, ""))
        self.handle.setopt(pycurl.URL, url)
        credentials = credentials_of(route.url)
        if credentials:
            self.handle.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
            self.handle.setopt(pycurl.USERNAME, credentials[0].encode())
            self.handle.setopt(pycurl.PASSWORD, credentials[1].encode())

    def _follow(self, redirects: int, route: Route) -> None:
        """Follow redirects; those to the route's own host also go to the URL's address, because the name may not resolve."""
        self.handle.setopt(pycurl.FOLLOWLOCATION, 1)
        self.handle.setopt(pycurl.MAXREDIRS, redirects)
        self.handle.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        parts = urlsplit(wire_url(route.url))
        if parts.scheme == "http" and route.host:
            host = bracketed(urlsplit(f"//{wire_host(route.host)}").hostname or "")
            address = f"{bracketed(parts.hostname or '')}:{parts.port or 80}"
            self.handle.setopt(pycurl.CONNECT_TO, [f"{host}:{port}:{address}" for port in sorted({80, parts.port or 80})])

    def _method(self, plan: BurstPlan, route: Route) -> None:
        names = {name.lower() for name, _ in route.headers}
        headers = [wire_header(name, value) for name, value in route.headers]
        if route.host and "host" not in names:
            headers.append(f"Host: {wire_host(route.host)}".encode())
        if self.check:
            self.handle.setopt(pycurl.ACCEPT_ENCODING, "")  # makes libcurl decode the body by its Content-Encoding
            if "accept-encoding" not in names:
                headers.append(b"Accept-Encoding:")  # like a request without a check, request no encoding
        if not plan.keep_alive and "connection" not in names and plan.http_version == "1.1":
            headers.append(b"Connection: close")  # the server closes first, so this machine's ports are free again immediately
        if route.body:
            self.handle.setopt(pycurl.POSTFIELDS, route.body)
            if "expect" not in names:
                headers.append(b"Expect:")
        if route.method == "HEAD":
            self.handle.setopt(pycurl.NOBODY, 1)
        else:
            self.handle.setopt(pycurl.CUSTOMREQUEST, route.method)
        self.handle.setopt(pycurl.HTTPHEADER, headers)

    def _protocol(self, plan: BurstPlan) -> None:
        secure = str(self.getinfo(pycurl.EFFECTIVE_URL)).startswith("https:")
        if plan.http_version == "2":
            version = pycurl.CURL_HTTP_VERSION_2TLS if secure else pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
            self.handle.setopt(pycurl.PIPEWAIT, 1)
        else:
            version = pycurl.CURL_HTTP_VERSION_1_1
        self.handle.setopt(pycurl.HTTP_VERSION, version)
        self.handle.setopt(pycurl.SSL_VERIFYPEER, int(plan.verify))
        self.handle.setopt(pycurl.SSL_VERIFYHOST, 2 if plan.verify else 0)
        if plan.ca_file:
            self.handle.setopt(pycurl.CAINFO, os.fsencode(plan.ca_file))

    def prepare(self, timeout_ms: int) -> None:
        """Prepare for the next send, with a timeout of `timeout_ms`."""
        self.attempts = 0
        if timeout_ms != self.timeout_ms:
            self.timeout_ms = timeout_ms
            self.handle.setopt(pycurl.TIMEOUT_MS, timeout_ms)
        if self.body is not None:
            self.body.seek(0)
            self.body.truncate()

    def body_failure(self) -> FailureKind | None:
        """Return `CHECK` if the decoded body fails the check, otherwise None."""
        if not (self.check and self.body):
            return None
        charset = charset_of(self.handle.getinfo_raw(pycurl.CONTENT_TYPE))
        return None if body_passes(self.check, self.body.getvalue(), charset) else FailureKind.CHECK


def body_passes(check: Check, body: bytes, charset: str = _UTF8) -> bool:
    """Whether `body` passes `check`; text is decoded with `charset`."""
    if check.size is not None and len(body) != check.size:
        return False
    if check.substring and not _contains(body, check.substring, charset):
        return False
    if not check.json_path:
        return True
    try:
        value = json.loads(body if charset == _UTF8 else body.decode(charset))
        for step in check.json_path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
        return check.equals is None or _equals(value, json.loads(check.equals))
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


@functools.lru_cache(maxsize=64)
def charset_of(content_type: bytes | None) -> str:
    """The charset named by a Content-Type header; UTF-8 if it names none that Python supports."""
    match = _CHARSET.search(content_type or b"")
    try:
        name = codecs.lookup(match[1].decode("ascii")).name if match else _UTF8
        b"\xff".decode(name, errors="replace")  # rejects codecs that are not text encodings or cannot replace errors
    except (LookupError, ValueError):  # an unknown name, a name with a null character, not a text encoding
        return _UTF8
    return _UTF8 if name == "ascii" else name


def failure_kind(error: int, os_error: int) -> FailureKind | None:
    """The kind of a transfer that ended with libcurl's `error`; None if this machine ran out of ports or descriptors.

    Errors without a specific kind are resets: an empty response, a failed send or receive, a truncated body, a broken
    HTTP/2 stream, a connection closed under a request that must not be sent twice.
    """
    if error == pycurl.E_COULDNT_CONNECT and os_error in _MACHINE_FAULTS:
        return None
    return _KINDS.get(error, FailureKind.RESET)


def _contains(body: bytes, text: str, charset: str) -> bool:
    return text.encode() in body if charset == _UTF8 else text in body.decode(charset, errors="replace")


def _equals(value: Any, expected: Any) -> bool:  # noqa: ANN401 - any part of a JSON document
    """JSON equality: true is not 1."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(_equals(value[key], expected[key]) for key in value)
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(_equals, value, expected))
    return bool(value == expected)
