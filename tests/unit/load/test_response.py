"""Evaluation of responses: expectations, extraction, charsets."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.response import Response, charset_of, extracted, unmet
from kindgate.load.template import Value

TEXT = json.dumps({"name": "caf\u00e9", "ok": True, "list": [1, 2.0]}, ensure_ascii=False)
BODY = json.dumps({"items": [{"name": "foo", "count": 3}], "ok": True}).encode()


def passes_with(expect: Expectation, body: bytes, charset: str = "utf-8") -> bool:
    """Return whether a body is as expected."""
    return not unmet(expect, Response(200, (), body, charset))


@pytest.mark.parametrize(
    ("expect", "passes"),
    [
        (Expectation(exists=("items.0.name",)), True),
        (Expectation(json=(("items.0.name", '"foo"'),)), True),
        (Expectation(json=(("items.0.name", '"bar"'),)), False),
        (Expectation(json=(("items.0.count", "3"),)), True),
        (Expectation(exists=("items.1",)), False),
        (Expectation(exists=("items.name",)), False),
        (Expectation(exists=("missing",)), False),
        (Expectation(exists=("ok.deeper",)), False),
        (Expectation(substring="foo", json=(("ok", "true"),), size_min=len(BODY), size_max=len(BODY)), True),
        (Expectation(substring="foo", size_min=len(BODY) + 1, size_max=len(BODY) + 1), False),
    ],
)
def test_json_paths_lead_into_objects_and_arrays(expect: Expectation, *, passes: bool) -> None:
    """A path that leads nowhere fails, and so does a check with one failing part."""
    assert passes_with(expect, BODY) is passes


@given(body=st.binary(max_size=60), path=st.text(max_size=10).filter(lambda path: all(path.split("."))))
def test_no_body_breaks_a_check(body: bytes, path: str) -> None:
    """Every body passes or fails, without an exception."""
    assert passes_with(Expectation(exists=(path,)), body) in {True, False}


@given(body=st.binary(max_size=60))
def test_size_and_substring_are_those_of_the_bytes(body: bytes) -> None:
    """They refer to the body's bytes, whatever they are."""
    assert passes_with(Expectation(size_min=len(body), size_max=len(body)), body)
    assert not passes_with(Expectation(size_min=len(body) + 1, size_max=len(body) + 1), body)
    assert passes_with(Expectation(substring="a"), body) is (b"a" in body)


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

    assert passes_with(Expectation(substring="a", exists=("b",)), body, charset_name) in {True, False}


@pytest.mark.parametrize(
    ("path", "equals", "passes"),
    [("ok", "true", True), ("ok", "1", False), ("list", "[1, 2]", True), ("list", "[true, 2]", False), ("name", '"caf\u00e9"', True)],
)
def test_values_are_compared_as_json(path: str, equals: str, *, passes: bool) -> None:
    """JSON's true is not equal to 1, although Python's is."""
    assert passes_with(Expectation(json=((path, equals),)), TEXT.encode()) is passes


@pytest.mark.parametrize("equals", ["foo", "", "'foo'", "True", "NaN", "{a: 1}", "1 2"])
def test_an_expected_value_that_is_not_json_is_rejected(equals: str) -> None:
    """No body could contain it; the hint shows how to write a string."""
    with pytest.raises(LoadError, match="is not JSON") as caught:
        Expectation(json=(("name", equals),))

    assert json.dumps(equals) in caught.value.next_step


def test_a_deeply_nested_body_fails_its_check() -> None:
    """A body too deep for Python's JSON parser fails its check."""
    assert not passes_with(Expectation(exists=("0",)), b"[" * 100_000)


REDIRECTED = (
    b"HTTP/1.1 302 Found\r\n",
    b"Location: /home\r\n",
    b"Set-Cookie: session=first; Path=/\r\n",
    b"Set-Cookie: theme=dark=blue\r\n",
    b"\r\n",
    b"HTTP/1.1 103 Early Hints\r\n",
    b"\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"Content-Type: application/json; charset=utf-8\r\n",
    b"X-Tag: a\r\n",
    b"x-tag:b\r\n",
    b"X-Name: caf\xe9\r\n",
    b"Set-Cookie: session=second; HttpOnly\r\n",
    b"\r\n",
)
ANSWER = Response(200, REDIRECTED, b'{"token": {"id": 7}, "text": "order 12 and 34", "none": null}')


@pytest.mark.parametrize(
    ("expect", "status", "reason"),
    [
        (None, 399, ""),
        (None, 400, "has the status 400"),
        (Expectation(((200, 299), (404, 404))), 404, ""),
        (Expectation(((200, 299), (404, 404))), 301, "has the status 301"),
        (Expectation(headers=(("content-type", "application/json"),)), 200, ""),
        (Expectation(headers=(("X-Tag", "a, b"),)), 200, ""),
        (Expectation(headers=(("X-Tag", "c"),)), 200, "without 'c'"),
        (Expectation(headers=(("Location", ""),)), 200, "has no header Location"),
        (Expectation(size_min=1000), 200, "bytes"),
        (Expectation(size_max=3), 200, "bytes"),
        (Expectation(substring="nothing"), 200, "lacks the text 'nothing'"),
        (Expectation(exists=("token", "token.name")), 200, "no JSON value at token.name"),
        (Expectation(json=(("none", "null"), ("token.id", "8"))), 200, "another value than 8 at token.id"),
    ],
)
def test_an_unexpected_response_is_described(expect: Expectation | None, status: int, reason: str) -> None:
    """The first difference is named; headers are those of the last response, whatever their case."""
    found = unmet(expect, Response(status, REDIRECTED, ANSWER.body))
    assert reason in found
    assert bool(found) is bool(reason)


@pytest.mark.parametrize(
    ("extraction", "value"),
    [
        (Extraction("a", "json", "token"), {"id": 7}),
        (Extraction("a", "json", "token.id"), 7),
        (Extraction("a", "json", "none"), None),
        (Extraction("a", "header", "X-TAG"), "a, b"),
        (Extraction("a", "header", "X-Name"), "caf\u00e9"),
        (Extraction("a", "cookie", "session"), "second"),
        (Extraction("a", "cookie", "theme"), "dark=blue"),
        (Extraction("a", "regex", r"order (\d+) and (\d+)"), "12"),
        (Extraction("a", "regex", r"\d\d"), "12"),
    ],
)
def test_values_are_taken_from_a_response(extraction: Extraction, value: Value) -> None:
    """JSON values keep their type; a cookie may have been set by a redirect on the way."""
    assert extracted(extraction, ANSWER) == value


@pytest.mark.parametrize(
    "extraction",
    [
        Extraction("a", "json", "token.name"),
        Extraction("a", "json", "text.0"),
        Extraction("a", "header", "Location"),
        Extraction("a", "cookie", "Session"),
        Extraction("a", "regex", "(q)|order"),
        Extraction("a", "regex", "invoice"),
    ],
)
def test_a_value_that_is_missing_is_an_error(extraction: Extraction) -> None:
    """Later requests would be sent with a wrong value; the names of cookies are case-sensitive, those of headers are not."""
    with pytest.raises(LoadError, match="has no 'a'"):
        extracted(extraction, ANSWER)


@given(body=st.binary(max_size=60), path=st.text(max_size=10).filter(lambda path: all(path.split("."))))
def test_no_body_breaks_an_extraction(body: bytes, path: str) -> None:
    """A server can send anything."""
    for extraction in (Extraction("a", "json", path), Extraction("a", "regex", "a(.)")):
        try:
            extracted(extraction, Response(200, (), body))
        except LoadError as error:
            assert "has no" in error.message  # noqa: PT017  # both outcomes are allowed
