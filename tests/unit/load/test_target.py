"""Targets: the URL that libcurl gets, and the address that it connects to."""

from __future__ import annotations

import pytest

from kindgate.load.plan import Route
from kindgate.load.target import Target, target_of
from kindgate.load.template import Encoding, Placeholder, Template

PATH = Template(("/caf\u00e9/", Placeholder("id", Encoding.URL), "?q=a b"))


@pytest.mark.parametrize(
    ("route", "url", "connect_to"),
    [
        (Route("http://127.0.0.1:8080/a?b=c"), ("http://127.0.0.1:8080", "/a?b=c"), ()),
        (Route("http://u:p@127.0.0.1:8080/a", "[odd]host"), ("http://127.0.0.1:8080", "/a"), ()),
        (Route("https://127.0.0.1:8443/a", "shop.localhost"), ("https://shop.localhost:8443", "/a"), ("::127.0.0.1:8443",)),
        (
            Route("https://[::1]/a", "shop.localhost:444", path=PATH),
            ("https://shop.localhost:444", "/caf%C3%A9/", Placeholder("id", Encoding.URL), "?q=a%20b"),
            ("::[::1]:443",),
        ),
    ],
)
def test_the_url_names_the_host_and_the_connection_the_address(
    route: Route, url: tuple[str | Placeholder, ...], connect_to: tuple[str, ...]
) -> None:
    """TLS takes the server name from the URL; the path's template replaces the URL's own path and query."""
    assert target_of(route) == Target(Template(url), connect_to)


def test_redirects_to_the_host_lead_to_the_address() -> None:
    """On port 80, which a redirect to a public name has, and on the URL's own port."""
    target = target_of(Route("http://127.0.0.1:8080/a", "shop.localhost"), redirected=True)
    assert target.connect_to == ("shop.localhost:80:127.0.0.1:8080", "shop.localhost:8080:127.0.0.1:8080")


def test_only_https_is_secure() -> None:
    """HTTP/2 is negotiated within TLS, and assumed without it."""
    assert [target_of(Route(url)).secure for url in ("https://host/", "HTTPS://host/", "http://host/")] == [True, True, False]
