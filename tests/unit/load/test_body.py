"""Bodies are decoded before they are checked: Content-Encoding by libcurl, the charset here."""

from __future__ import annotations

import gzip
import json
import socket
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.body import body_passes, charset_of
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, Check, OpenLoop, Route
from kindgate.load.result import BurstResult, FailureKind
from tests.unit.load.conftest import Handler, Serve, read_request

TEXT = json.dumps({"name": "caf\u00e9", "ok": True, "list": [1, 2.0]}, ensure_ascii=False)
BROTLI = bytes.fromhex("0b028068656c6c6f03")  # `hello`, as written by the brotli tool


def encoded(body: bytes, *headers: str) -> Handler:
    """Answer with these bytes and headers; fail if the request asks for the identity encoding."""
    head = "".join(f"{header}\r\n" for header in headers)

    def handler(connection: socket.socket) -> None:
        while True:
            asked = read_request(connection).lower()
            status = "400 Bad" if b"accept-encoding: identity" in asked else "200 OK"
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
def test_a_compressed_body_is_checked_as_what_it_holds(serve: Serve, pool: GeneratorPool, body: bytes, coding: str) -> None:
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


def test_a_check_asks_for_no_other_answer(serve: Serve, pool: GeneratorPool) -> None:
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
    found = charset_of(b"text/plain; charset=" + charset)

    assert body_passes(Check(substring="a", json_path="b"), body, found) in {True, False}


@pytest.mark.parametrize(
    ("path", "equals", "passes"),
    [("ok", "true", True), ("ok", "1", False), ("list", "[1, 2]", True), ("list", "[true, 2]", False), ("name", '"caf\u00e9"', True)],
)
def test_values_are_equal_as_json_has_it(path: str, equals: str, *, passes: bool) -> None:
    """JSON's true is not equal to 1, although Python's is."""
    assert body_passes(Check(json_path=path, equals=equals), TEXT.encode()) is passes


@pytest.mark.parametrize("equals", ["foo", "", "'foo'", "True", "NaN", "{a: 1}", "1 2"])
def test_a_value_that_is_no_json_is_refused(equals: str) -> None:
    """No body could contain it; the hint shows how to write a string."""
    with pytest.raises(LoadError, match="is not JSON") as caught:
        Check(json_path="name", equals=equals)

    assert json.dumps(equals) in caught.value.next_step


def test_a_deeply_nested_body_is_wrong_and_breaks_nothing() -> None:
    """A body too deep for Python's JSON parser fails its check."""
    assert not body_passes(Check(json_path="0"), b"[" * 100_000)
