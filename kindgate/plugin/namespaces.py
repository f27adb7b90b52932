"""The `namespace` fixture: one per test, with Pod Security's restricted profile enforced, deleted afterward."""

from __future__ import annotations

import enum
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import request_if_exists
from kindgate.errors import ClusterError, DeployError, WaitTimeout
from kindgate.settings import Keep
from kindgate.waiting import Deadline, Pending, Ready, wait_for

if TYPE_CHECKING:
    from kindgate.plugin.cluster import Cluster

DELETE_SECONDS = 60.0
REQUEST_SECONDS = 30.0
ACCOUNT_SECONDS = 60.0
"""A busy controller manager takes seconds to create a namespace's service account."""

NAME_LIMIT = 50
TEST_LABEL = "kindgate.dev/test"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def namespace_name(test: str) -> str:
    """A unique namespace name derived from the test's: a DNS label."""
    words = re.sub(r"[^a-z0-9]+", "-", test.lower()).strip("-")[:NAME_LIMIT].strip("-")
    return f"{words or 'test'}-{secrets.token_hex(3)}"


class Cleanup(enum.Enum):
    """What happens to a test's namespace after the test."""

    DELETE = "delete"
    KEEP = "keep"
    ABANDON = "abandon"
    """The run was interrupted: there is no time to wait for a deletion, and the whole cluster is deleted anyway."""


def cleanup_after(outcomes: Mapping[str, str], keep: Keep) -> Cleanup:
    """What happens to a test's namespace, given the `outcomes` of its phases so far, by phase name.

    A failed test's namespace is kept if its cluster can be kept; a test without an outcome was interrupted.
    """
    if "failed" in outcomes.values():
        return Cleanup.DELETE if keep == "never" else Cleanup.KEEP
    return Cleanup.DELETE if "call" in outcomes else Cleanup.ABANDON


@contextmanager
def namespace_for(cluster: Cluster, test: str, cleanup: Callable[[], Cleanup] = lambda: Cleanup.DELETE) -> Iterator[str]:
    """Create a namespace for the block; afterward, `cleanup` decides how it ends.

    The block can create pods, which are refused until the namespace has its service account. Raises `ClusterError` if the
    API server rejects a request, and with the finalizers or other conditions that block a deletion.
    """
    name = namespace_name(test)
    path = f"/api/v1/namespaces/{name}"
    metadata = {"name": name, "labels": {**RESTRICTED, TEST_LABEL: "true"}}
    with _errors_of(name), connect(cluster.address) as api:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        api.request("POST", "/api/v1/namespaces", Deadline.after(REQUEST_SECONDS), body=body)
        _wait_usable(api, name, path)
    yield name
    if cleanup() is Cleanup.DELETE:
        with _errors_of(name), connect(cluster.address) as api:
            request_if_exists(api, "DELETE", path, Deadline.after(REQUEST_SECONDS))
            _wait_gone(api, name, path)


@contextmanager
def _errors_of(name: str) -> Iterator[None]:
    """Raise errors of the API server as `ClusterError` about the namespace: the application has no part in them."""
    try:
        yield
    except DeployError as error:
        raise ClusterError(f"namespace {name}: {error.message}", waited=error.waited, last_state=error.last_state) from error


def _wait_usable(api: Api, name: str, path: str) -> None:
    deadline = Deadline.after(ACCOUNT_SECONDS)

    def probe() -> Ready[None] | Pending:
        account = request_if_exists(api, "GET", f"{path}/serviceaccounts/default", deadline)
        return Ready(None) if account is not None else Pending("it has no service account `default`")

    try:
        wait_for(f"namespace {name} to be usable", probe, deadline)
    except WaitTimeout as error:
        raise ClusterError(
            f"namespace {name} got no service account, so it accepts no pods",
            waited=error.waited,
            last_state=error.last_state,
            next_step="look at the log of kube-controller-manager, which creates it",
        ) from error


def _wait_gone(api: Api, name: str, path: str) -> None:
    deadline = Deadline.after(DELETE_SECONDS)

    def probe() -> Ready[None] | Pending:
        live = request_if_exists(api, "GET", path, deadline)
        if live is None:
            return Ready(None)
        conditions = (live.get("status") or {}).get("conditions") or ()
        blocking = [str(item["message"]) for item in conditions if item.get("status") == "True" and item.get("message")]
        return Pending("; ".join(blocking) or "it is terminating")

    try:
        wait_for(f"namespace {name} to be deleted", probe, deadline)
    except WaitTimeout as error:
        raise ClusterError(
            f"namespace {name} was not deleted",
            waited=error.waited,
            last_state=error.last_state,
            next_step=f"find the finalizers that block it with kubectl get namespace {name} -o yaml",
        ) from error
