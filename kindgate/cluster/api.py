"""API-server queries that return plain dictionaries, used before the application is deployed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_kube_config
from urllib3.exceptions import HTTPError

from kindgate.cluster.owner_container import private_folder
from kindgate.errors import ClusterError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline


class ApiUnavailable(ClusterError):
    """The API server gave no response or an unexpected one; `status` is 0 if there was no response."""

    def __init__(self, message: str, *, status: int = 0, last_state: str = "") -> None:
        super().__init__(message, last_state=last_state)
        self.status = status


class ApiServer:
    """The API server of one cluster. The kubernetes package handles login, so every method it supports works."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @property
    def url(self) -> str:
        """The server's URL."""
        return str(self._client.configuration.host)

    def get(self, path: str, seconds: float) -> dict[str, Any]:
        """Return the object at `path`, within `seconds`. Raises `ApiUnavailable`; never retries."""
        request = self._client.param_serialize("GET", path, auth_settings=["BearerToken"])
        try:
            response = self._client.call_api(*request, _request_timeout=seconds)
            body = response.read()  # type: ignore[no-untyped-call]  # published without types
            content = json.loads(body) if response.status == 200 else {}
        except (HTTPError, OSError, ValueError) as error:
            raise ApiUnavailable(f"the API server at {self.url} does not respond: {_cause(error)}") from error
        if response.status != 200:
            raise ApiUnavailable(
                f"the API server returned {response.status} {response.reason or ''} for GET {path}".strip(),
                status=response.status,
                last_state=body.decode(errors="replace"),
            )
        if not isinstance(content, dict):
            raise ApiUnavailable(f"{self.url} is not an API server: it answers GET {path} with {type(content).__name__}")
        return content


def is_loopback(url: str) -> bool:
    """Whether the URL points to this machine; such a URL bypasses any proxy set in the environment."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def api_server(address: ClusterAddress) -> Iterator[ApiServer]:
    """The API server at `address`. Raises `ClusterError` if the kubeconfig is unusable."""
    configuration = Configuration()
    configuration.retries = False
    # certificates embedded in the kubeconfig are written to files, because OpenSSL reads only files
    with tempfile.TemporaryDirectory(prefix="kindgate-", dir=private_folder(address.name)) as folder:
        try:
            load_kube_config(  # type: ignore[no-untyped-call]  # published without types
                str(address.kubeconfig),
                context=address.context,
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=folder,
            )
            if is_loopback(str(configuration.host)):
                configuration.proxy = None
            client = ApiClient(configuration)
        except (ConfigException, OSError) as error:
            raise ClusterError(f"cannot use kubeconfig {address.kubeconfig}: {error}") from error
        try:
            yield ApiServer(client)
        finally:
            client.close()  # type: ignore[no-untyped-call]  # published without types


def server_version(address: ClusterAddress, deadline: Deadline) -> str:
    """The Kubernetes version reported by the server at `address`, such as `v1.37.2`.

    Raises `ClusterError` if the server does not respond or refuses the kubeconfig's user.
    """
    with api_server(address) as server:
        try:
            return str(server.get("/version", max(deadline.remaining, 0.1)).get("gitVersion", ""))
        except ApiUnavailable as error:
            refused = error.status in {401, 403}
            raise ClusterError(
                f"cannot use context {address.context} of {address.kubeconfig}: {error.message}",
                waited=deadline.waited,
                last_state=error.last_state,
                next_step="check the credentials of the context's user"
                if refused
                else "check that the cluster is running and reachable from this machine",
            ) from error


def _cause(error: BaseException) -> str:
    """The innermost reason, without urllib3's wrapping."""
    reason = getattr(error, "reason", None)
    return _cause(reason) if isinstance(reason, BaseException) else str(error)
