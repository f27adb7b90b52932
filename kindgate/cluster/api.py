"""The Kubernetes client for a cluster, with its connections closed in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kubernetes.client import ApiClient, Configuration, VersionApi
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, load_kube_config
from urllib3.exceptions import HTTPError

from kindgate.errors import ClusterError
from kindgate.model import ClusterAddress
from kindgate.waiting import Deadline


@contextmanager
def api_client(address: ClusterAddress) -> Iterator[ApiClient]:
    """A client of the cluster at `address`; it retries nothing by itself. Raises `ClusterError` for a kubeconfig that does not do."""
    configuration = Configuration()
    configuration.retries = False
    try:
        load_kube_config(  # type: ignore[no-untyped-call]  # published without types
            str(address.kubeconfig), context=address.context, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, OSError) as error:
        raise ClusterError(f"kubeconfig {address.kubeconfig} cannot be used: {error}") from error
    api = ApiClient(configuration)
    try:
        yield api
    finally:
        api.close()  # type: ignore[no-untyped-call]  # published without types


def server_version(address: ClusterAddress, deadline: Deadline) -> str:
    """The Kubernetes version that the server at `address` says it is, such as `v1.37.2`.

    Raises `ClusterError` where nobody answers, or where the server refuses the kubeconfig's user.
    """
    seconds = max(deadline.remaining, 0.1)
    with api_client(address) as api:
        try:
            version = VersionApi(api).get_code(_request_timeout=seconds)
        except ApiException as error:
            raise ClusterError(
                f"the API server of context {address.context} answers {error.status} {error.reason}",
                last_state=str(error.body or ""),
                next_step=f"check the user of context {address.context} in {address.kubeconfig}",
            ) from error
        except (HTTPError, OSError, ValueError) as error:
            raise ClusterError(
                f"the API server of context {address.context} ({api.configuration.host}) cannot be reached: {_cause(error)}",
                waited=deadline.waited,
                next_step="check that the cluster runs and that this machine can reach it",
            ) from error
    return str(version.git_version)


def _cause(error: BaseException) -> str:
    """The innermost reason: urllib3 wraps it in its own words."""
    reason = getattr(error, "reason", None)
    return _cause(reason) if isinstance(reason, BaseException) else str(error)
