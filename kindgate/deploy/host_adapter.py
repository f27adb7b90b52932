"""A requests adapter that connects to the URL's address but verifies the server named in the Host header.

Importing requests takes 0.1 s.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

if TYPE_CHECKING:
    from requests import PreparedRequest


class HostAdapter(HTTPAdapter):
    """Mount it on `https://`: the Host header's name goes into SNI, and the certificate must match it."""

    def __init__(self) -> None:
        super().__init__(pool_connections=100)
        self._context = create_urllib3_context()
        # trust a certificate from the manifests as it is, even if no CA issued it
        self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    def build_connection_pool_key_attributes(
        self,
        request: PreparedRequest,
        verify: bool | str,  # noqa: FBT001  # requests' signature
        cert: str | tuple[str, str] | None = None,
    ) -> tuple[Any, Any]:
        """Keep one connection pool per name."""
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(request, verify, cert)
        pool_options: dict[str, Any] = {**pool_kwargs, "ssl_context": self._context}
        name = urlsplit(f"//{request.headers['Host']}").hostname if request.headers.get("Host") else None
        if name:
            pool_options |= {"server_hostname": name, "assert_hostname": name}
        return host_params, pool_options
