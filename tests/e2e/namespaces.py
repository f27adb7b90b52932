"""Namespaces whose Pod Security level a test chooses; the `namespace` fixture always enforces the strictest one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kindgate import Cluster


@contextmanager
def namespace_for_pods(cluster: Cluster, prefix: str, labels: Mapping[str, str] | None = None) -> Iterator[str]:
    """A namespace for the block, deleted afterward.

    Until a controller has created its service account, it refuses every pod:
    https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
    """
    name = f"{prefix}-{secrets.token_hex(3)}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}}
    cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))
    cluster.kubectl("wait", "serviceaccount/default", "--namespace", name, "--for", "create", "--timeout", "60s")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
