"""Body checks and HTTP/2."""

from __future__ import annotations

import functools
import json
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from kindgate.load.body import body_passes
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, Check, OpenLoop, Route

Serve = Callable[[Callable[[socket.socket], None]], str]

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
