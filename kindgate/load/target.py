"""Where a route's requests go: the URL that libcurl gets, and the address that it connects to. Pure.

TLS takes the server name from the URL, so for https the route's host goes into the URL, and the address apart from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from kindgate.load.plan import Route
from kindgate.load.template import Template
from kindgate.load.wire import bracketed, wire_host, wire_path, wire_url


@dataclass(frozen=True)
class Target:
    """The URL of a route, and libcurl's CONNECT_TO entries (`HOST:PORT:ADDRESS:PORT`)."""

    url: Template
    connect_to: tuple[str, ...]

    @property
    def secure(self) -> bool:
        """Whether the requests use TLS."""
        return self.url.literals[0].startswith("https:")


def target_of(route: Route, *, redirected: bool = False) -> Target:
    """The target of a route, whose path is the template's if it has one.

    If it may be `redirected`, requests to its own host go to the URL's address too, because the name may not resolve.
    """
    parts = urlsplit(wire_url(route.url))
    query = f"?{parts.query}" if parts.query else ""
    path = wire_path(route.path) if route.path else Template((f"{parts.path}{query}",))
    secure, origin = parts.scheme == "https", parts.netloc
    address = f"{bracketed(parts.hostname or '')}:{parts.port or (443 if secure else 80)}"
    connect_to: tuple[str, ...] = ()
    if route.host and (secure or redirected):
        name = urlsplit(f"//{wire_host(route.host)}")
        host = bracketed(name.hostname or "")
        if secure:
            origin = f"{host}:{name.port or parts.port or 443}"
            connect_to = (f"::{address}",)
        else:
            connect_to = tuple(f"{host}:{port}:{address}" for port in sorted({80, parts.port or 80}))
    return Target(Template((f"{parts.scheme}://{origin}", *path.parts)), connect_to)
