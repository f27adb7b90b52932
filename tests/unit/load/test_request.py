"""Requests: HTTP/2, and decoding of response bodies (Content-Encoding by libcurl, the charset here) before they are judged."""

from __future__ import annotations

import functools
import gzip
import json
import socket
import ssl
import struct
import zlib
from pathlib import Path

import pytest
import trustme

from kindgate.load.expectation import Expectation
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.result import BurstResult, FailureKind
from tests.unit.load.conftest import Handler, Serve, read_request

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Build one HTTP/2 frame (RFC 9113, section 4.1)."""
    return struct.pack("!I", len(payload))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + payload


def exactly(connection: socket.socket, count: int) -> bytes:
    """Read exactly `count` bytes; raise `ValueError` if the client is gone."""
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ValueError("the client closed the connection")
        data += part
    return data


def serve_tls(connection: socket.socket, context: ssl.SSLContext) -> None:
    """Serve HTTP/2 if the handshake agreed on it (ALPN, RFC 7301)."""
    # a second descriptor, because wrapping takes the first one from the code that shuts the connection down
    with context.wrap_socket(connection.dup(), server_side=True) as secure:
        assert secure.selected_alpn_protocol() == "h2"
        serve_http2(secure)


def serve_http2(connection: socket.socket) -> None:
    """Answer every stream with status 200 (entry 8 of HPACK's static table) and `foo`."""
    assert exactly(connection, len(PREFACE)) == PREFACE
    connection.sendall(frame(SETTINGS, 0, 0))
    while True:
        head = exactly(connection, 9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big")
        payload = exactly(connection, length)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            connection.sendall(frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            connection.sendall(frame(HEADERS, END_HEADERS, stream, b"\x88") + frame(DATA, END_STREAM, stream, b"foo"))


def test_http2_sends_all_requests_over_one_connection(serve: Serve, pool: GeneratorPool) -> None:
    """Streams share a connection, with prior knowledge over plain HTTP."""
    plan = BurstPlan((Route(serve(serve_http2)),), OpenLoop.constant(100, requests=30), http_version="2", timeout=5)
    result = run_burst(plan, pool=pool)
    assert (result.failed, result.total.status, result.connections) == ({}, {200: 30}, 1)


def test_http2_is_agreed_on_within_tls(serve: Serve, tmp_path: Path, pool: GeneratorPool) -> None:
    """Over HTTPS there is no prior knowledge: the server offers HTTP/2, and one connection carries all streams."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("foo.localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context.set_alpn_protocols(["h2"])
    url = serve(functools.partial(serve_tls, context=context)).replace("http:", "https:")
    plan = BurstPlan(
        (Route(url, "foo.localhost"),),
        OpenLoop.constant(50, requests=20),
        http_version="2",
        timeout=10,
        ca_file=str(tmp_path / "ca.pem"),
        processes=1,
    )
    result = run_burst(plan, pool=pool)
    assert (result.failed, result.total.status, result.connections) == ({}, {200: 20}, 1)


TEXT = json.dumps({"name": "caf\u00e9", "ok": True, "list": [1, 2.0]}, ensure_ascii=False)
BROTLI = bytes.fromhex("0b028068656c6c6f03")  # `hello`, as written by the brotli tool


def encoded(body: bytes, *headers: str) -> Handler:
    """Answer with these bytes and headers; fail if the request asks for the identity encoding."""
    head = "".join(f"{header}\r\n" for header in headers)

    def handler(connection: socket.socket) -> None:
        while True:
            request = read_request(connection).lower()
            status = "400 Bad" if b"accept-encoding: identity" in request else "200 OK"
            connection.sendall(f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return handler


def checked(url: str, expect: Expectation, pool: GeneratorPool, headers: tuple[tuple[str, str], ...] = ()) -> BurstResult:
    """Return the result of a few requests with the check."""
    plan = BurstPlan((Route(url, expect=expect, headers=headers),), OpenLoop.constant(50, requests=5), timeout=10, processes=1)
    return run_burst(plan, pool=pool)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(TEXT.encode()), "gzip"),
        (zlib.compress(TEXT.encode()), "deflate"),
        (gzip.compress(zlib.compress(TEXT.encode())), "deflate, gzip"),
        (TEXT.encode(), "identity"),
    ],
    ids=["gzip", "deflate", "both", "identity"],  # compressed bytes contain the time, so xdist workers would collect different tests
)
def test_a_compressed_body_is_decoded_before_its_check(serve: Serve, pool: GeneratorPool, body: bytes, coding: str) -> None:
    """Text, JSON and size are those of the decoded body, even if the client did not request compression."""
    url = serve(encoded(body, f"Content-Encoding: {coding}"))
    expect = Expectation(substring="caf\u00e9", json=(("name", '"caf\u00e9"'),), size_min=len(TEXT.encode()), size_max=len(TEXT.encode()))

    result = checked(url, expect, pool)

    assert (result.failed, result.total.checks_passed) == ({}, 5)
    assert checked(url, Expectation(substring="nothing"), pool).failed == {FailureKind.CHECK: 5}


def test_brotli_is_decoded(serve: Serve, pool: GeneratorPool) -> None:
    """Users copy the browser's Accept-Encoding into --header."""
    result = checked(serve(encoded(BROTLI, "Content-Encoding: br")), Expectation(substring="hello"), pool, (("Accept-Encoding", "br"),))

    assert (result.failed, result.total.checks_passed) == ({}, 5)


def test_a_check_does_not_change_the_request(serve: Serve, pool: GeneratorPool) -> None:
    """The request is the same with and without a check: no Accept-Encoding is added."""
    arrived: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        while True:
            arrived.append(read_request(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo")

    url = serve(handler)
    checked(url, Expectation(substring="foo"), pool)
    run_burst(BurstPlan((Route(url),), OpenLoop.constant(50, requests=5), timeout=10, processes=1), pool=pool)

    assert len(set(arrived)) == 1


def test_a_body_that_cannot_be_decoded_is_a_failed_request(serve: Serve, pool: GeneratorPool) -> None:
    """A server that claims gzip but sends something else has not answered."""
    result = checked(serve(encoded(b"not gzip", "Content-Encoding: gzip")), Expectation(substring="not"), pool)

    assert result.total.completed == 0


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "UTF-8", '"utf-16"', "no-such-charset", "hex"])
def test_a_body_is_read_in_its_charset(serve: Serve, pool: GeneratorPool, charset: str) -> None:
    """The charset comes from Content-Type; an unknown one falls back to UTF-8."""
    name = charset.strip('"') if "no" not in charset and charset != "hex" else "utf-8"
    url = serve(encoded(TEXT.encode(name), f"Content-Type: application/json; charset={charset}"))

    result = checked(url, Expectation(substring="caf\u00e9", json=(("name", '"caf\\u00e9"'),)), pool)

    assert (result.failed, result.total.checks_passed) == ({}, 5)
