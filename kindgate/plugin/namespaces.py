"""The `namespace` fixture: one per test, with Pod Security's restricted profile enforced, deleted afterward."""

from __future__ import annotations

import enum
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kindgate.errors import ClusterError, WaitTimeout
from kindgate.settings import Keep
from kindgate.waiting import Deadline, Pending, Ready, wait_for

if TYPE_CHECKING:
    from kindgate.plugin.cluster import Cluster

DELETE_SECONDS = 60.0
REQUEST_SECONDS = 30.0
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

    Raises `ClusterError` with the finalizers or other conditions that block a deletion.
    """
    from kubernetes import client  # noqa: PLC0415  # takes most of a second, and many tests do without

    name = namespace_name(test)
    metadata = client.V1ObjectMeta(name=name, labels={**RESTRICTED, TEST_LABEL: "true"})
    cluster.core.create_namespace(client.V1Namespace(metadata=metadata), _request_timeout=REQUEST_SECONDS)
    yield name
    if cleanup() is Cleanup.DELETE:
        cluster.core.delete_namespace(name, _request_timeout=REQUEST_SECONDS)
        _wait_gone(cluster, name)


def _wait_gone(cluster: Cluster, name: str) -> None:
    from kubernetes.client import ApiException  # noqa: PLC0415  # see above

    def probe() -> Ready[None] | Pending:
        try:
            status = cluster.core.read_namespace(name, _request_timeout=REQUEST_SECONDS).status
        except ApiException as error:
            if error.status == 404:
                return Ready(None)
            raise
        conditions = (status.conditions if status is not None else None) or ()
        blocking = [condition.message for condition in conditions if condition.status == "True" and condition.message]
        return Pending("; ".join(blocking) or "it is terminating")

    try:
        wait_for(f"namespace {name} to be deleted", probe, Deadline.after(DELETE_SECONDS))
    except WaitTimeout as error:
        raise ClusterError(
            f"namespace {name} was not deleted",
            waited=error.waited,
            last_state=error.last_state,
            next_step=f"find the finalizers that block it with kubectl get namespace {name} -o yaml",
        ) from error
