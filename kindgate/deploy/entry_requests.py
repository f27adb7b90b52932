"""HTTP clients for the hosts behind the ingress: every request goes to the ingress's address, regardless of its host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kindgate.deploy.entries import Entry
from kindgate.errors import DeployError
from kindgate.model import ClusterAddress

if TYPE_CHECKING:
    import requests


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
    place = urlsplit(url)
    trusted = trusted_file(address)
    ca_file = f"--cacert {trusted} " if trusted is not None else ""
    return f"curl {ca_file}--connect-to {entry.host}:443:{place.hostname}:{place.port or 443} https://{entry.host}{entry.path}"
