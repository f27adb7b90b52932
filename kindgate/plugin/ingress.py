"""How tests talk to the application: through the ingress, by Host header, without DNS."""

from __future__ import annotations

from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import requests

REQUEST_SECONDS = 10.0


class Ingress:
    """An HTTP client for the hosts behind the ingress at `url`.

    `foo.localhost` need not resolve anywhere: requests go to the ingress's address with the host in the Host header.
    """

    def __init__(self, url: str, hosts: tuple[str, ...]) -> None:
        self.url = url
        self.hosts = hosts
        self._session = requests.Session()
        self._session.trust_env = False

    def request(
        self, method: str, host: str, path: str = "/", *, timeout: float = REQUEST_SECONDS, **arguments: object
    ) -> requests.Response:
        """Send one request to `host`; `timeout` in seconds; other arguments as `requests.request` takes them."""
        headers = {**dict(arguments.pop("headers", None) or {}), "Host": host}  # type: ignore[call-overload]  # passed through
        return self._session.request(method, urljoin(self.url, path), headers=headers, timeout=timeout, **arguments)  # type: ignore[arg-type]  # passed through

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
