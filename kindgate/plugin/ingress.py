"""Requests from tests to the application: through the ingress, by Host header, without DNS."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import requests

from kindgate.deploy.entries import Entry
from kindgate.deploy.entry_requests import entry_session, entry_url
from kindgate.model import ClusterAddress

REQUEST_SECONDS = 10.0


class Ingress:
    """An HTTP client for the hosts of `entries`, behind the cluster's ingress.

    `foo.localhost` need not resolve: requests go to the ingress's address with the host in the Host header. A host whose
    entries have TLS is requested over https, with the same verification as the cluster's entries.
    """

    def __init__(self, address: ClusterAddress, entries: tuple[Entry, ...]) -> None:
        self.url = address.ingress_url
        self.hosts = tuple(sorted({entry.host for entry in entries}))
        self._address = address
        self._tls_hosts = {entry.host for entry in entries if entry.tls}
        self._session = entry_session(address)

    def request(
        self, method: str, host: str, path: str = "/", *, timeout: float = REQUEST_SECONDS, **arguments: object
    ) -> requests.Response:
        """Send one request to `host`, or to any host if empty; `timeout` in seconds, `options` as for `requests.request`."""
        headers = {**dict(arguments.pop("headers", None) or {}), **({"Host": host} if host else {})}  # type: ignore[call-overload]  # passed through
        url = entry_url(self._address, path if path.startswith("/") else f"/{path}", tls=host in self._tls_hosts)
        return self._session.request(method, url, headers=headers, timeout=timeout, **arguments)  # type: ignore[arg-type]  # passed through

    def get(self, host: str, path: str = "/", **arguments: object) -> requests.Response:
        """GET `path` from `host`."""
        return self.request("GET", host, path, **arguments)  # type: ignore[arg-type]  # passed through

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
