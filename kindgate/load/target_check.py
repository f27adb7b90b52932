"""Check the target of a burst before anything is sent."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from kindgate.errors import LoadError
from kindgate.load.plan import Route
from kindgate.load.wire import wire_url


def refuse_unknown_hosts(routes: Iterable[Route]) -> None:
    """Raise `LoadError` for a URL whose host name does not resolve.

    Names under `localhost` are left to libcurl, which maps them to the loopback address even if the system does not.
    """
    for host in sorted({urlsplit(wire_url(route.url)).hostname or "" for route in routes}):
        if _is_address(host) or host == "localhost" or host.endswith(".localhost"):
            continue
        try:
            socket.getaddrinfo(host, None)
        except OSError as error:
            raise LoadError(
                f"cannot resolve the host {host!r}: {error}",
                next_step="connect to an address (--url http://127.0.0.1:8080/) and set the host with --header 'Host: ...'",
            ) from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
