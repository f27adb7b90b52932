"""Requests: HTTP/2, decoding of response bodies (Content-Encoding by libcurl, the charset here), and body checks."""

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
from hypothesis import example, given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, Check, OpenLoop, Route
from kindgate.load.request import body_passes, charset_of
from kindgate.load.result import BurstResult, FailureKind
from tests.unit.load.conftest import Handler, Serve, read_request

BODY = json.dumps({"items": [{"name": "foo", "count": 3}], "ok": True}).encode()


@pytest.mark.parametrize(
    ("check", "passes"),
    [
        (Check(json_path="items.0.name"), True),
        (Check(json_path="items.0.name", equals='"foo"'), True),
        (Check(json_path="items.0.name", equals='"bar"'), False),
        (Check(json_path="items.0.count", equals="3"), True),
        (Check(json_path="items.1"), False),
        (Check(json_path="items.name"), False),
        (Check(json_path="missing"), False),
        (Check(json_path="ok.deeper"), False),
        (Check(substring="foo", json_path="ok", equals="true", size=len(BODY)), True),
        (Check(substring="foo", size=len(BODY) + 1), False),
    ],
)
def test_json_paths_lead_into_objects_and_arrays(check: Check, *, passes: bool) -> None:
    """A path that leads nowhere fails, and so does a check with one failing part."""
    assert body_passes(check, BODY) is passes


@given(body=st.binary(max_size=60), path=st.text(max_size=10).filter(bool))
def test_no_body_breaks_a_check(body: bytes, path: str) -> None:
    """Every body passes or fails, without an exception."""
    assert body_passes(Check(json_path=path), body) in {True, False}


@given(body=st.binary(max_size=60))
def test_size_and_substring_are_those_of_the_bytes(body: bytes) -> None:
    """They refer to the body's bytes, whatever they are."""
    assert body_passes(Check(size=len(body)), body)
    assert not body_passes(Check(size=len(body) + 1), body)
    assert body_passes(Check(substring="a"), body) is (b"a" in body)


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


def checked(url: str, check: Check, pool: GeneratorPool, headers: tuple[tuple[str, str], ...] = ()) -> BurstResult:
    """Return the result of a few requests with the check."""
    plan = BurstPlan((Route(url, check=check, headers=headers),), OpenLoop.constant(50, requests=5), timeout=10, processes=1)
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
    check = Check(substring="caf\u00e9", json_path="name", equals='"caf\u00e9"', size=len(TEXT.encode()))

    result = checked(url, check, pool)

    assert (result.failed, result.total.checks_passed) == ({}, 5)
    assert checked(url, Check(substring="nothing"), pool).failed == {FailureKind.CHECK: 5}


def test_brotli_is_decoded(serve: Serve, pool: GeneratorPool) -> None:
    """Users copy the browser's Accept-Encoding into --header."""
    result = checked(serve(encoded(BROTLI, "Content-Encoding: br")), Check(substring="hello"), pool, (("Accept-Encoding", "br"),))

    assert (result.failed, result.total.checks_passed) == ({}, 5)


def test_a_check_does_not_change_the_request(serve: Serve, pool: GeneratorPool) -> None:
    """The request is the same with and without a check: no Accept-Encoding is added."""
    arrived: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        while True:
            arrived.append(read_request(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo")

    url = serve(handler)
    checked(url, Check(substring="foo"), pool)
    run_burst(BurstPlan((Route(url),), OpenLoop.constant(50, requests=5), timeout=10, processes=1), pool=pool)

    assert len(set(arrived)) == 1


def test_a_body_that_cannot_be_decoded_is_a_failed_request(serve: Serve, pool: GeneratorPool) -> None:
    """A server that claims gzip but sends something else has not answered."""
    result = checked(serve(encoded(b"not gzip", "Content-Encoding: gzip")), Check(substring="not"), pool)

    assert result.total.completed == 0


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "UTF-8", '"utf-16"', "no-such-charset", "hex"])
def test_a_body_is_read_in_its_charset(serve: Serve, pool: GeneratorPool, charset: str) -> None:
    """The charset comes from Content-Type; an unknown one falls back to UTF-8."""
    name = charset.strip('"') if "no" not in charset and charset != "hex" else "utf-8"
    url = serve(encoded(TEXT.encode(name), f"Content-Type: application/json; charset={charset}"))

    result = checked(url, Check(substring="caf\u00e9", json_path="name", equals='"caf\\u00e9"'), pool)

    assert (result.failed, result.total.checks_passed) == ({}, 5)


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        (None, "utf-8"),
        (b"text/html", "utf-8"),
        (b"text/html; Charset = 'Latin1'", "iso8859-1"),
        (b"text/html;charset=us-ascii;x=y", "utf-8"),
        (b"text/html; charset=\xff", "utf-8"),
        (b"text/html; charset=base64", "utf-8"),
        (b"text/html; charset=idna", "utf-8"),
    ],
)
def test_the_charset_is_that_of_the_content_type(content_type: bytes | None, charset: str) -> None:
    """Quotes, case, spaces and other parameters are tolerated; unusable charsets fall back to UTF-8."""
    assert charset_of(content_type) == charset


@given(st.binary(max_size=40), st.binary(max_size=30))
@example(b"", b"\x00")
def test_no_content_type_breaks_a_check(body: bytes, charset: bytes) -> None:
    """A server can claim any charset."""
    charset_name = charset_of(b"text/plain; charset=" + charset)

    assert body_passes(Check(substring="a", json_path="b"), body, charset_name) in {True, False}


@pytest.mark.parametrize(
    ("path", "equals", "passes"),
    [("ok", "true", True), ("ok", "1", False), ("list", "[1, 2]", True), ("list", "[true, 2]", False), ("name", '"caf\u00e9"', True)],
)
def test_values_are_compared_as_json(path: str, equals: str, *, passes: bool) -> None:
    """JSON's true is not equal to 1, although Python's is."""
    assert body_passes(Check(json_path=path, equals=equals), TEXT.encode()) is passes


@pytest.mark.parametrize("equals", ["foo", "", "'foo'", "True", "NaN", "{a: 1}", "1 2"])
def test_an_expected_value_that_is_not_json_is_rejected(equals: str) -> None:
    """No body could contain it; the hint shows how to write a string."""
    with pytest.raises(LoadError, match="is not JSON") as caught:
        Check(json_path="name", equals=equals)

    assert json.dumps(equals) in caught.value.next_step


def test_a_deeply_nested_body_fails_its_check() -> None:
    """A body too deep for Python's JSON parser fails its check."""
    assert not body_passes(Check(json_path="0"), b"[" * 100_000)
