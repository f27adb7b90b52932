"""HTTP connections from a kubeconfig; no credential stays on disk except in the kubeconfig itself."""

from __future__ import annotations

import ssl
import tempfile
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kindgate.cluster.owner_container import private_folder
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress

if TYPE_CHECKING:
    from urllib3 import PoolManager

CONNECTIONS = 64
"""Size of the pool: each watch keeps one connection, and beyond the limit each request opens a new one."""


class Connection:
    """The address of a cluster's API server, the credentials, and a connection pool.

    The kubernetes package reads the kubeconfig, so all its authentication methods work. Raises `ApiError` for an
    unusable kubeconfig.
    """

    def __init__(self, address: ClusterAddress) -> None:
        from kubernetes.client import Configuration  # noqa: PLC0415 - 0.3 s to import, and not every run deploys
        from kubernetes.config import ConfigException, load_kube_config  # noqa: PLC0415 - as above

        self._configuration = Configuration()
        try:
            # the kubernetes package writes certificates and key to files for OpenSSL, which are deleted once loaded
            with tempfile.TemporaryDirectory(prefix="kindgate-", dir=private_folder(address.name)) as folder:
                load_kube_config(  # type: ignore[no-untyped-call]  # published without types
                    str(address.kubeconfig),
                    context=address.context or None,
                    client_configuration=self._configuration,
                    persist_config=False,
                    temp_file_path=folder,
                )
                context = _ssl_context(self._configuration)
        except (ConfigException, OSError, ValueError, TypeError) as error:
            raise ApiError(f"{address.kubeconfig}: not a usable kubeconfig: {error}") from error
        self.server = str(self._configuration.host)
        self.pool = _pool(self._configuration, context)

    def headers(self) -> dict[str, str]:
        """Headers that authenticate a request, unless a client certificate does; an expired token is renewed."""
        settings: Any = self._configuration.auth_settings().values()
        return {setting["key"]: setting["value"] for setting in settings if setting["in"] == "header"}

    def close(self) -> None:
        """Close all connections."""
        self.pool.clear()


def is_loopback(url: str) -> bool:
    """Return whether the URL points to this machine; a proxy set in the environment does not apply to it."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ssl_context(configuration: Any) -> ssl.SSLContext:  # noqa: ANN401 - the kubernetes package has no types
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _pool(configuration: Any, context: ssl.SSLContext) -> PoolManager:  # noqa: ANN401 - as above
    from kubernetes.client.rest import should_bypass_proxies  # noqa: PLC0415 - 0.3 s to import
    from urllib3 import PoolManager, ProxyManager  # noqa: PLC0415 - comes with the kubernetes package

    options: dict[str, Any] = {"ssl_context": context, "maxsize": CONNECTIONS, "retries": False}
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    host = str(configuration.host)
    if configuration.proxy and not is_loopback(host) and not should_bypass_proxies(host, configuration.no_proxy or ""):
        return ProxyManager(configuration.proxy, proxy_headers=configuration.proxy_headers, **options)
    return PoolManager(**options)
