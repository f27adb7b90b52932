"""HTTP requests to the hosts behind the ingress: every request goes to the ingress's address, regardless of its host.

Hosts that use TLS are also requested over plain HTTP, which redirects to HTTPS, returns the page itself, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kindgate.deploy.entries import Entry
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline

if TYPE_CHECKING:
    import requests

_REDIRECT_SECONDS = 5.0
"""Request timeout: the entry has already answered, and the controller's redirect takes milliseconds."""


def entry_session(address: ClusterAddress) -> requests.Session:
    """A session that takes the TLS server name from the Host header and verifies it against `address.ca_file`.

    Proxies and `.netrc` of the environment are ignored. The caller closes the session.
    """
    import requests  # noqa: PLC0415  # 0.1 s to import, and not every run sends requests from here

    from kindgate.deploy.host_adapter import HostAdapter  # noqa: PLC0415  # the same

    session = requests.Session()
    session.trust_env = False
    session.mount("https://", HostAdapter())
    trusted = trusted_file(address)
    session.verify = str(trusted) if trusted is not None else True
    return session


def entry_url(address: ClusterAddress, path: str, *, tls: bool) -> str:
    """Return the URL of `path` on any host. Raises `DeployError` for TLS if the existing cluster has no TLS URL."""
    if tls and not address.ingress_tls_url:
        raise DeployError(
            "an entry uses TLS, but no TLS URL is known", next_step="set --ingress-tls-url https://HOST:PORT (and --ingress-ca FILE)"
        )
    return (address.ingress_tls_url if tls else address.ingress_url) + path


def trusted_file(address: ClusterAddress) -> Path | None:
    """The CA file that verifies TLS; None to use the system's certificates."""
    return address.ca_file if address.ca_file is not None and address.ca_file.exists() else None


def curl_command(entry: Entry, address: ClusterAddress) -> str:
    """The command that requests an entry manually from this machine."""
    url = entry_url(address, entry.path, tls=entry.tls)
    if not entry.host:
        return f"curl {url}"
    if not entry.tls:
        return f"curl -H 'Host: {entry.host}' {url}"
    address_parts = urlsplit(url)
    trusted = trusted_file(address)
    ca_file = f"--cacert {trusted} " if trusted is not None else ""
    return (
        f"curl {ca_file}--connect-to {entry.host}:443:{address_parts.hostname}:{address_parts.port or 443} https://{entry.host}{entry.path}"
    )


def plain_http_notes(entries: Iterable[Entry], address: ClusterAddress, deadline: Deadline) -> tuple[str, ...]:
    """Request each host whose entries all use TLS over HTTP once, and note the response; a 4xx or 5xx yields no note."""
    all_entries = tuple(entries)
    plain_hosts = {entry.host for entry in all_entries if not entry.tls}
    first_entries = {entry.host: entry for entry in reversed(all_entries) if entry.tls and entry.host not in plain_hosts}
    if not first_entries:
        return ()
    with entry_session(address) as session:
        return tuple(
            note
            for entry in all_entries
            if first_entries.get(entry.host) is entry
            for note in _redirect_notes(session, entry, address, deadline)
        )


def _redirect_notes(session: requests.Session, entry: Entry, address: ClusterAddress, deadline: Deadline) -> Iterator[str]:
    import requests  # noqa: PLC0415  # 0.1 s to import, and only applications with TLS need it

    timeout = max(0.1, min(_REDIRECT_SECONDS, deadline.remaining))
    headers = {"Host": entry.host} if entry.host else {}
    try:
        response = session.get(entry_url(address, entry.path, tls=False), headers=headers, timeout=timeout, allow_redirects=False)
    except requests.RequestException as error:
        yield f"http://{entry.label}: no response: {error}"
        return
    location = urlsplit(response.headers.get("Location", ""))
    if 300 <= response.status_code < 400:
        is_same_host = location.scheme == "https" and location.hostname in {entry.host, None}
        target = "HTTPS on the same host" if is_same_host else location.geturl() or "nowhere"
        yield f"http://{entry.label} answers {response.status_code} with a redirect to {target}"
    elif response.status_code < 300:
        yield f"http://{entry.label} answers {response.status_code} without TLS and does not redirect to HTTPS"
