"""A minimal client for GitHub's REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import requests

from kindgate.errors import GitHubRefused, GitHubUnavailable, clipped

READ_TIMEOUT = 30
FULL = "application/vnd.github.full+json"
"""Media type that includes GitHub's HTML for Markdown."""

_PAGE = 100


class Rest:
    """A client with one token; close it, or use it as a context manager.

    Every call raises `GitHubRefused` if GitHub refuses, and `GitHubUnavailable` if there is no usable response.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base = base_url
        self._session = requests.Session()
        self._session.headers.update(
            {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json", "User-Agent": "kindgate-smoke"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, path: str, *, accept: str = "", **query: str | int) -> Any:  # any JSON value
        """One JSON document."""
        return self._call("GET", path, params=query, headers={"Accept": accept} if accept else {})

    def listed(self, path: str, key: str = "", *, accept: str = "", **query: str | int) -> Iterator[dict[str, Any]]:
        """The items of a list from all pages; `key` is the list's name inside the document."""
        page = 1
        while True:
            found = self.get(path, accept=accept, per_page=_PAGE, page=page, **query)
            items = found[key] if key else found
            yield from items
            if len(items) < _PAGE:
                return
            page += 1

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a POST request."""
        return self._call("POST", path, json=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a PUT request."""
        return self._call("PUT", path, json=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a PATCH request."""
        return self._call("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """Send a DELETE request."""
        self._call("DELETE", path)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        what = f"{method} {path}"
        try:
            answer = self._session.request(method, f"{self._base}{path}", timeout=READ_TIMEOUT, **options)
            if answer.status_code >= 500:
                raise GitHubUnavailable(f"{what}: HTTP {answer.status_code}")
            document = answer.json() if answer.content else None
        except (requests.RequestException, ValueError) as error:
            raise GitHubUnavailable(f"{what}: {clipped(str(error), 300)}") from error
        if answer.status_code >= 400:
            message = document.get("message", "") if isinstance(document, dict) else ""
            raise GitHubRefused(f"{what}: HTTP {answer.status_code} {message}", status=answer.status_code)
        return document
