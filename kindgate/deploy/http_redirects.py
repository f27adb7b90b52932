"""The response over plain HTTP for hosts that are requested with TLS: a redirect to HTTPS, the page itself, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kindgate.deploy.entries import Entry
from kindgate.deploy.entry_requests import entry_session, entry_url
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    import requests

_SECONDS = 5.0
"""Request timeout: the entry has already answered, and the controller's redirect takes milliseconds."""


def plain_http_notes(entries: Iterable[Entry], address: ClusterAddress, deadline: Deadline) -> tuple[str, ...]:
    """Request each host whose entries all use TLS over HTTP once, and note the response; a 4xx or 5xx yields no note."""
    known = tuple(entries)
    plain = {entry.host for entry in known if not entry.tls}
    first = {entry.host: entry for entry in reversed(known) if entry.tls and entry.host not in plain}
    if not first:
        return ()
    with entry_session(address) as session:
        return tuple(note for entry in known if first.get(entry.host) is entry for note in _notes(session, entry, address, deadline))


def _notes(session: requests.Session, entry: Entry, address: ClusterAddress, deadline: Deadline) -> Iterator[str]:
    import requests  # noqa: PLC0415  # 0.1 s to import, and only applications with TLS need it

    timeout = max(0.1, min(_SECONDS, deadline.remaining))
    headers = {"Host": entry.host} if entry.host else {}
    try:
        response = session.get(entry_url(address, entry.path, tls=False), headers=headers, timeout=timeout, allow_redirects=False)
    except requests.RequestException as error:
        yield f"http://{entry.label}: no response: {error}"
        return
    location = urlsplit(response.headers.get("Location", ""))
    if 300 <= response.status_code < 400:
        right = location.scheme == "https" and location.hostname in {entry.host, None}
        leads = "HTTPS on the same host" if right else location.geturl() or "nowhere"
        yield f"http://{entry.label} answers {response.status_code} with a redirect to {leads}"
    elif response.status_code < 300:
        yield f"http://{entry.label} answers {response.status_code} without TLS and does not redirect to HTTPS"
