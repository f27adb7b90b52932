"""One reusable HTTP request: a libcurl handle that is set up once per route, filled in if the route varies, and sent many times.

Whether its response is as expected is decided here too, and which kind of failure an unexpected one is.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import pycurl

from kindgate.credentials import credentials_of
from kindgate.errors import LoadError
from kindgate.load.body_samples import BodySampler
from kindgate.load.plan import FOLLOWED, BurstPlan, Route
from kindgate.load.response import Response, charset_of, extracted, status_expected, unmet
from kindgate.load.result import FailureKind
from kindgate.load.target import target_of
from kindgate.load.template import Template, Value, text_of
from kindgate.load.value_names import names_in_headers
from kindgate.load.visit import Visit
from kindgate.load.wire import unsendable, wire_header, wire_host

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that can be resent if it is unknown whether the first attempt took effect (RFC 9110, section 9.2.2)."""

_WITH_CONTENT: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests state their length even if it is 0 (RFC 9110, section 8.6)."""


class Request:
    """A libcurl handle with the timestamps of its current request, in nanoseconds after the burst's start.

    `sampler` keeps responses for the route's JSON schema. `values` are those that the last response provided. The class owns
    the handle rather than subclassing it: attributes of a subclass take eight times as long to read.
    """

    __slots__ = (
        *("attempts", "body", "body_template", "cap_wait", "expect", "extract", "getinfo", "handle", "head", "header_templates"),
        *(
            "headers",
            "in_headers",
            "inspected",
            "intended",
            "judged",
            "limit_ms",
            "repeatable",
            "route",
            "sampler",
            "sent",
            "timeout_ms",
            "url",
        ),
        *("values", "varies", "visit"),
    )

    def __init__(self, plan: BurstPlan, index: int, on_socket: Callable[[int, int], int], sampler: BodySampler | None = None) -> None:
        route = plan.routes[index]
        self.handle = pycurl.Curl()
        self.getinfo = self.handle.getinfo
        self.route = index
        self.repeatable = route.method in IDEMPOTENT
        self.attempts = self.intended = self.sent = self.cap_wait = 0
        self.limit_ms = self.timeout_ms = max(1, round((route.timeout or plan.timeout) * 1000))
        self.visit: Visit | None = None
        self.expect = route.expect
        self.extract = route.extract
        self.judged = route.expect is not None or bool(route.extract)
        self.inspected = _needs_body(route) or _needs_head(route)
        self.sampler = sampler
        self.values: dict[str, Value] = {}
        self.in_headers = names_in_headers(plan.routes) if route.extract else frozenset[str]()
        self.head: list[bytes] = []
        self.body = io.BytesIO() if _needs_body(route) else None
        self.url: Template | None = None
        self.headers: list[bytes] = []
        self.header_templates = tuple((name.encode(), template) for name, template in route.header_templates)
        self.body_template = route.body_template
        self.handle.setopt(pycurl.SOCKOPTFUNCTION, on_socket)
        self._configure(plan, route)
        self.varies = bool(route.names)
        if not self.varies:
            self.fill({})

    def _configure(self, plan: BurstPlan, route: Route) -> None:
        put = self.handle.setopt
        put(pycurl.NOSIGNAL, 1)
        put(pycurl.USERAGENT, "kindgate")
        put(pycurl.PROXY, "")  # libcurl would honor http_proxy
        put(pycurl.TIMEOUT_MS, self.timeout_ms)
        put(pycurl.CONNECTTIMEOUT_MS, self.timeout_ms)
        put(pycurl.WRITEFUNCTION, self.body.write if self.body else len)  # if nothing is expected of it, accept and discard the body
        if _needs_head(route):
            put(pycurl.HEADERFUNCTION, self.head.append)
        put(pycurl.PREREQFUNCTION, self._before_sending)
        self._address(plan, route)
        self._message(plan, route)
        if route.journey:
            put(pycurl.COOKIEFILE, "")  # lets libcurl handle cookies, without a file
        if not plan.keep_alive:
            put(pycurl.FRESH_CONNECT, 1)
            put(pycurl.FORBID_REUSE, 1)

    def _before_sending(self, *_connection: object) -> int:
        """Count an attempt, and refuse to repeat a request that may already have taken effect.

        libcurl resends a request with any method when a kept connection is closed before the first byte of the response.
        """
        self.attempts += 1
        return pycurl.PREREQFUNC_OK if self.attempts == 1 or self.repeatable else pycurl.PREREQFUNC_ABORT

    def _address(self, plan: BurstPlan, route: Route) -> None:
        redirected = plan.redirects > 0 and route.method in FOLLOWED
        target = target_of(route, redirected=redirected)
        if target.connect_to:
            self.handle.setopt(pycurl.CONNECT_TO, list(target.connect_to))
        self.url = target.url if target.url.constant is None else None
        if target.url.constant is not None:
            self.handle.setopt(pycurl.URL, target.url.constant)
        if route.path:
            self.handle.setopt(pycurl.PATH_AS_IS, 1)  # a value may be `..`
        credentials = credentials_of(route.url)
        if credentials:
            self.handle.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
            self.handle.setopt(pycurl.USERNAME, credentials[0].encode())
            self.handle.setopt(pycurl.PASSWORD, credentials[1].encode())
        if redirected:
            self.handle.setopt(pycurl.FOLLOWLOCATION, 1)
            self.handle.setopt(pycurl.MAXREDIRS, plan.redirects)
            self.handle.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        self._protocol(plan, secure=target.secure)

    def _message(self, plan: BurstPlan, route: Route) -> None:
        """Set method, headers and body, or keep the templates that are filled in for each request."""
        named = {name.lower() for name, _ in (*route.headers, *route.header_templates)}
        headers = [wire_header(name, value) for name, value in route.headers]
        if route.host and "host" not in named:
            headers.append(f"Host: {wire_host(route.host)}".encode())
        if self.body:
            self.handle.setopt(pycurl.ACCEPT_ENCODING, "")  # makes libcurl decode the body by its Content-Encoding
            if "accept-encoding" not in named:
                headers.append(b"Accept-Encoding:")  # like a request whose body is discarded, request no encoding
        if not plan.keep_alive and "connection" not in named and plan.http_version == "1.1":
            headers.append(b"Connection: close")  # the server closes first, so this machine's ports are free again immediately
        if (route.body or route.body_template) and "expect" not in named:
            headers.append(b"Expect:")
        if route.body:
            self.handle.setopt(pycurl.POSTFIELDS, route.body)
        elif not route.body_template and route.method in _WITH_CONTENT and "content-length" not in named:
            headers.append(b"Content-Length: 0")
        if route.method == "HEAD":
            self.handle.setopt(pycurl.NOBODY, 1)
        else:
            self.handle.setopt(pycurl.CUSTOMREQUEST, route.method)
        self.handle.setopt(pycurl.HTTPHEADER, headers)
        self.headers = headers

    def _protocol(self, plan: BurstPlan, *, secure: bool) -> None:
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

    def fill(self, values: Mapping[str, Value]) -> None:
        """Fill the templates for the next send; the values in headers were checked when they were read."""
        put = self.handle.setopt
        if self.url:
            put(pycurl.URL, self.url.render(values))
        if self.header_templates:
            put(pycurl.HTTPHEADER, [*self.headers, *(_header_line(name, text.render(values)) for name, text in self.header_templates)])
        if self.body_template:
            put(pycurl.POSTFIELDS, self.body_template.render(values))

    def prepare(self, timeout_ms: int) -> None:
        """Prepare for the next send, with a timeout of `timeout_ms`."""
        self.attempts = 0
        if timeout_ms != self.timeout_ms:
            self.timeout_ms = timeout_ms
            self.handle.setopt(pycurl.TIMEOUT_MS, timeout_ms)
        if self.judged:
            self._forget_response()

    def set_cookies(self, cookies: Iterable[bytes]) -> None:
        """Replace the handle's cookies by those of one user, as `cookies` returned them."""
        self.handle.setopt(pycurl.COOKIELIST, "ALL")
        for cookie in cookies:
            self.handle.setopt(pycurl.COOKIELIST, cookie)

    @property
    def cookies(self) -> list[bytes]:
        """The cookies that the user of the last request has, as lines of Netscape's format."""
        return list(self.handle.getinfo_raw(pycurl.INFO_COOKIELIST))

    def _forget_response(self) -> None:
        self.head.clear()
        if self.body:
            self.body.seek(0)
            self.body.truncate()

    def failure(self, status: int) -> FailureKind | None:
        """The kind of failure of a response that is not as expected, otherwise None; sets `values`."""
        if not status_expected(self.expect, status):
            return FailureKind.HTTP if status >= 400 else FailureKind.CHECK
        return self._content_failure(status) if self.inspected else None

    def _content_failure(self, status: int) -> FailureKind | None:
        content_type = self.handle.getinfo_raw(pycurl.CONTENT_TYPE) if self.body else None
        response = Response(status, self.head, self.body.getvalue() if self.body else b"", charset_of(content_type))
        try:
            self.values = {extraction.name: extracted(extraction, response) for extraction in self.extract}
        except LoadError:
            return FailureKind.CHECK
        if any(unsendable(text_of(value)) for name, value in self.values.items() if name in self.in_headers):
            return FailureKind.CHECK  # a line break would end the header of a later step
        if unmet(self.expect, response):
            return FailureKind.CHECK
        if self.sampler:
            self.sampler.offer(response)
        return None


def _header_line(name: bytes, value: bytes) -> bytes:
    """A header for libcurl, which takes a header without a value only with a semicolon."""
    return name + b": " + value if value else name + b";"


def _needs_body(route: Route) -> bool:
    expected = route.expect is not None and route.expect.needs_body
    return expected or any(extraction.needs_body for extraction in route.extract)


def _needs_head(route: Route) -> bool:
    expected = route.expect is not None and bool(route.expect.headers)
    return expected or any(extraction.source in {"header", "cookie"} for extraction in route.extract)
