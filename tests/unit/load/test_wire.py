"""Any Unicode in URLs, hosts, headers and bodies is sent in valid HTTP or refused in one line; credentials are not shown."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import LoadError
from kindgate.load.burst_document import load_document
from kindgate.load.expectation import Expectation
from kindgate.load.generator_pool import GeneratorPool, run_burst
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.wire import refuse_unknown_hosts, wire_host, wire_url
from tests.unit.load.conftest import Serve, answering, read_request

ONCE = OpenLoop.constant(10, requests=1)


@pytest.fixture(name="sent")
def _sent(serve: Serve, pool: GeneratorPool) -> Callable[[Callable[[str], Route]], bytes]:
    """Send a route made for a server's URL once; return what arrived."""

    def send(make: Callable[[str], Route]) -> bytes:
        arrived: list[bytes] = []

        def handler(connection: socket.socket) -> None:
            arrived.append(read_request(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        result = run_burst(BurstPlan((make(serve(handler)),), ONCE, timeout=10, processes=1), pool=pool)
        assert result.total.status == {200: 1}
        return arrived[0]

    return send


@pytest.mark.parametrize(
    ("url", "wire"),
    [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        (
            "http://b\u00fccher.example/gr\u00fc\u00dfe?q=\u65e5\u672c#teil",
            "http://xn--bcher-kva.example/gr%C3%BC%C3%9Fe?q=%E6%97%A5%E6%9C%AC",
        ),
        ("http://host/a b?c d", "http://host/a%20b?c%20d"),
        ("http://host/%C3%BC%20+", "http://host/%C3%BC%20+"),
        ("https://user:p%40ss@host:8443/x", "https://host:8443/x"),
        ("https://[::1]:8443/", "https://[::1]:8443/"),
        ("http://\uff11\uff12\uff17.0.0.1/", "http://127.0.0.1/"),
        ("http://my_service/", "http://my_service/"),
    ],
)
def test_a_url_is_sent_in_ascii(url: str, wire: str) -> None:
    """Host names use IDNA and everything else is percent-encoded; encoded parts stay as they are."""
    assert Route(url).url == url
    assert wire_url(url) == wire


@pytest.mark.parametrize(
    ("host", "wire"),
    [
        ("b\u00fccher.example:8080", "xn--bcher-kva.example:8080"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("[::1]:80", "[::1]:80"),
    ],
)
def test_a_host_header_is_sent_in_ascii(host: str, wire: str) -> None:
    """The port is kept if there is one."""
    assert wire_host(host) == wire


def test_a_request_of_any_unicode_arrives(sent: Callable[[Callable[[str], Route]], bytes]) -> None:
    """Path, query, host, header and body arrive as a browser would send them."""
    request = sent(
        lambda url: Route(
            f"{url}gr\u00fc\u00dfe?q=\u65e5", "b\u00fccher.example", "POST", (("X-Name", "\u65e5\u672c \u00e4"),), "\U0001f600".encode()
        )
    )

    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /gr%C3%BC%C3%9Fe?q=%E6%97%A5 HTTP/1.1\r\n")
    assert b"\r\nHost: xn--bcher-kva.example\r\n" in head
    assert "X-Name: \u65e5\u672c \u00e4".encode() in head
    assert body == "\U0001f600".encode()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Route("http://\u2603\u2603.example\u2044/"), "is not"),
        (lambda: Route("http://a\u2100b/"), "is not a URL"),
        (lambda: Route("http://host/a\nb"), "control character"),
        (lambda: Route("http://host/\udce4"), "terminal's encoding"),
        (lambda: Route("http://host/", "a b"), "not a host name"),
        (lambda: Route("http://host/", "\u2603"), "not a host name"),
        (lambda: Route("http://host/", headers=(("N\u00e4me", "1"),)), "not a header name"),
        (lambda: Route("http://host/", headers=(("Name", "a\x01"),)), "control character"),
        (lambda: Route("http://host/", headers=(("Name", "\udce4"),)), "terminal's encoding"),
        (lambda: Route("http://host/", method="M\u00c9THODE"), "not an HTTP method"),
        (lambda: Expectation(substring="\udce4"), "terminal's encoding"),
    ],
    ids=[
        *("name", "compatibility sign", "line break", "bytes in a URL", "space in a host", "sign in a host"),
        *("header's name", "control character", "bytes in a header", "method", "bytes in a check"),
    ],
)
def test_text_that_http_cannot_represent_is_rejected(make: Callable[[], object], reason: str) -> None:
    """The one-line error comes when the plan is built."""
    with pytest.raises(LoadError, match=reason) as caught:
        make()

    assert "\n" not in caught.value.message


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_path_and_header_is_sent_unchanged_or_rejected(path: str, value: str) -> None:
    """Percent-decoded, the path equals what was given."""
    try:
        route = Route(f"http://host/{path}", headers=(("X-A", value),))
    except LoadError:
        return
    wire = wire_url(route.url)
    assert wire.isascii()
    assert wire.isprintable()
    plain = re.split("[?#]", path.rstrip(" "), maxsplit=1)[0]
    assert unquote(wire.partition("?")[0]) == unquote(f"http://host/{plain}")


def test_credentials_of_a_url_are_sent_and_never_shown(sent: Callable[[Callable[[str], Route]], bytes]) -> None:
    """They are sent as basic authentication, percent-decoded, in any Unicode."""
    request = sent(lambda url: Route(url.replace("://", "://mo%3Ana:p%40ss\u00e4@"), "foo.localhost"))

    credentials = base64.b64encode("mo:na:p@ss\u00e4".encode())
    assert b"Authorization: Basic " + credentials in request
    assert b"p%40ss" not in request.replace(credentials, b"")


def test_a_result_holds_no_credentials(serve: Serve, pool: GeneratorPool) -> None:
    """Neither the stored result nor `--json` contains credentials of URLs or headers."""
    url = serve(answering()).replace("://", "://mona:hunter2@")
    headers = (("Authorization", "Bearer hunter3"), ("cookie", "id=hunter4"), ("X-A", "shown"))
    result = run_burst(BurstPlan((Route(url, headers=headers),), ONCE, timeout=10, processes=1), pool=pool)

    for document in (json.dumps(result.to_json()), json.dumps(load_document(result).to_json())):
        assert "hunter" not in document
        assert "mona" not in document
        assert "shown" in document
    assert type(result).from_json(result.to_json()).total == result.total


@pytest.mark.parametrize(
    "url", ["http://mona:hun/ter2@host/", "http://mona:hunter2#@host:x/", "ftp://mona:hunter2@host/", "http://mona:hunter2@host:99999/"]
)
def test_an_error_about_a_url_shows_no_credentials(url: str) -> None:
    """Passwords with characters that end the authority are hidden too, and the error says what to do."""
    with pytest.raises(LoadError) as caught:
        Route(url)

    assert "hun" not in str(caught.value)
    assert "percent-encode" in caught.value.next_step


def test_the_ca_file_can_be_in_any_folder(serve: Serve, pool: GeneratorPool, tmp_path: Path) -> None:
    """A non-ASCII path is passed to libcurl in the file system's encoding."""
    folder = tmp_path / "\u00e4\u65e5"
    folder.mkdir()
    (folder / "ca.pem").write_text("")
    plan = BurstPlan((Route(serve(answering())),), ONCE, timeout=10, processes=1, ca_file=str(folder / "ca.pem"))

    assert run_burst(plan, pool=pool).total.status == {200: 1}


def test_only_an_unknown_host_is_rejected() -> None:
    """Names under localhost need no resolver: libcurl knows them."""
    refuse_unknown_hosts(("http://127.0.0.1:1/", "http://[::1]:1/", "http://foo.localhost/"))
    with pytest.raises(LoadError, match=r"cannot resolve the host 'nobody\.invalid'"):
        refuse_unknown_hosts(("http://nobody.invalid/",))
