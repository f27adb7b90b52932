"""Questions to a cluster's API server, answered as plain dictionaries, before anything of the application is there."""

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

from kindgate.cluster.ownership import private_folder
from kindgate.errors import ClusterError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline


class ApiUnavailable(ClusterError):
    """The API server gives no answer, or not the one that was asked for; `status` is 0 for no answer at all."""

    def __init__(self, message: str, *, status: int = 0, last_state: str = "") -> None:
        super().__init__(message, last_state=last_state)
        self.status = status


class ApiServer:
    """The API server of one cluster. The kubernetes package does the login, so every way to log in that it knows works."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @property
    def url(self) -> str:
        """Where the server is."""
        return str(self._client.configuration.host)

    def get(self, path: str, seconds: float) -> dict[str, Any]:
        """The object at `path`, within `seconds`. Raises `ApiUnavailable`; nothing is retried."""
        request = self._client.param_serialize("GET", path, auth_settings=["BearerToken"])
        try:
            answer = self._client.call_api(*request, _request_timeout=seconds)
            body = answer.read()  # type: ignore[no-untyped-call]  # published without types
            content = json.loads(body) if answer.status == 200 else {}
        except (HTTPError, OSError, ValueError) as error:
            raise ApiUnavailable(f"the API server at {self.url} does not respond: {_cause(error)}") from error
        if answer.status != 200:
            raise ApiUnavailable(
                f"the API server returned {answer.status} {answer.reason or ''} for GET {path}".strip(),
                status=answer.status,
                last_state=body.decode(errors="replace"),
            )
        if not isinstance(content, dict):
            raise ApiUnavailable(f"{self.url} is not an API server: it answers GET {path} with {type(content).__name__}")
        return content


def is_loopback(url: str) -> bool:
    """Whether the URL is of this machine: then no proxy leads there, whatever the environment says."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def api_server(address: ClusterAddress) -> Iterator[ApiServer]:
    """The API server at `address`. Raises `ClusterError` for a kubeconfig that does not do."""
    configuration = Configuration()
    configuration.retries = False
    # certificates that stand in the kubeconfig itself are written to files, for OpenSSL to read
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
    """The Kubernetes version that the server at `address` says it is, such as `v1.37.2`.

    Raises `ClusterError` where nobody answers, or where the server refuses the kubeconfig's user.
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
    """The innermost reason: urllib3 wraps it in its own words."""
    reason = getattr(error, "reason", None)
    return _cause(reason) if isinstance(reason, BaseException) else str(error)
