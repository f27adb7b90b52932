"""The cluster as tests see it: kubectl, and the API through the official client."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindgate.model import ClusterAddress

if TYPE_CHECKING:
    from kubernetes import client

KUBECTL_SECONDS = 60.0

API_SECONDS = 60.0
"""Timeout of a test's API call without `_request_timeout`: by default the client waits forever for a hung node."""


class Cluster:
    """A running cluster. The API clients are created on first use."""

    def __init__(self, address: ClusterAddress, kubectl: Path) -> None:
        self.address = address
        self._kubectl = kubectl

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.address.name

    @property
    def kubeconfig(self) -> Path:
        """The cluster's kubeconfig, which is a credential."""
        return self.address.kubeconfig

    def kubectl(self, *arguments: str, timeout: float = KUBECTL_SECONDS, stdin: str | None = None) -> str:
        """Run kubectl against the cluster and return its output; raises `CommandFailed` or `CommandTimeout`."""
        from kindgate.host.command import run  # noqa: PLC0415  # pytest loads this module in every run of every suite
        from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

        access = ("--kubeconfig", str(self.address.kubeconfig), "--context", self.address.context)
        return run((self._kubectl, *access, *arguments), deadline=Deadline.after(timeout), input=stdin).stdout

    def objects(self, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        """The objects of a kind (`nodes`, `deployments.apps`) in one namespace or all, as JSON values; raises as `kubectl` does."""
        scope = ("--namespace", namespace) if namespace else ("--all-namespaces",)
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, *scope, "--output", "json"))["items"]
        return items

    @cached_property
    def api(self) -> client.ApiClient:
        """The API client, for what `core` and `apps` do not cover."""
        from kubernetes import config  # noqa: PLC0415  # takes most of a second, and many tests do without

        api: client.ApiClient = config.new_client_from_config(  # type: ignore[no-untyped-call]  # published without types
            str(self.address.kubeconfig), context=self.address.context
        )
        _set_default_timeout(api.rest_client.pool_manager)
        return api

    @cached_property
    def core(self) -> client.CoreV1Api:
        """Nodes, namespaces, pods, services, events, ..."""
        from kubernetes import client  # noqa: PLC0415  # see `api`

        return client.CoreV1Api(self.api)

    @cached_property
    def apps(self) -> client.AppsV1Api:
        """Deployments, StatefulSets, DaemonSets."""
        from kubernetes import client  # noqa: PLC0415  # see `api`

        return client.AppsV1Api(self.api)

    def close(self) -> None:
        """Close the API client's connections."""
        if "api" in self.__dict__:
            self.api.close()  # type: ignore[no-untyped-call]  # published without types


def _set_default_timeout(pool: Any) -> None:  # noqa: ANN401  # the kubernetes package has no types
    """Apply this module's timeout to every request of the pool that has none."""
    from urllib3 import Timeout  # noqa: PLC0415  # comes with the kubernetes package

    original_request = pool.request

    def request(method: str, url: str, **options: Any) -> Any:  # noqa: ANN401  # handed through
        options["timeout"] = options.get("timeout") or Timeout(connect=min(API_SECONDS, 10.0), read=API_SECONDS)
        return original_request(method, url, **options)

    pool.request = request
