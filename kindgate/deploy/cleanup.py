"""Delete what a run applied to a cluster that outlives the run."""

from __future__ import annotations

from typing import Any

from kindgate.deploy.api import Api, connect
from kindgate.deploy.apply import RUN_LABEL
from kindgate.deploy.calls import ask, wait_gone
from kindgate.deploy.order import ranked
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered
from kindgate.waiting import Deadline


def delete(rendered: Rendered, address: ClusterAddress, *, run: str, deadline: Deadline) -> tuple[ObjectRef, ...]:
    """Delete the objects with the run's label in `rendered`'s kinds and namespaces, last applied first; wait until they are gone.

    Objects without the label are left alone. Returns the deleted objects. Raises `DeployError` that names what is left
    and the finalizers that block it.
    """
    deleted: list[ObjectRef] = []
    with connect(address) as api:
        for group in reversed(ranked(rendered.objects)):
            collections = sorted({path for manifest in group if (path := _collection(api, manifest, deadline))})
            found = [item for path in collections for item in _labelled(api, path, run, deadline)]
            for path, item in found:
                body = {"propagationPolicy": "Foreground", "preconditions": {"uid": item["metadata"]["uid"]}}
                ask(api, "DELETE", path, deadline, body=body)
            for path, item in found:
                wait_gone(api, path, ObjectRef.of(item), str(item["metadata"]["uid"]), deadline)
                deleted.append(ObjectRef.of(item))
    return tuple(deleted)


def _collection(api: Api, manifest: Manifest, deadline: Deadline) -> str:
    """The path of the object's collection; empty if the cluster does not know the kind."""
    ref = ObjectRef.of(manifest)
    try:
        return api.collection(str(manifest["apiVersion"]), str(manifest["kind"]), ref.namespace or "default", deadline)
    except ApiError as error:
        if error.status == 404:
            return ""
        raise


def _labelled(api: Api, collection: str, run: str, deadline: Deadline) -> list[tuple[str, dict[str, Any]]]:
    """The run's objects in a collection, each with its path and with `kind`, which lists omit."""
    answer = ask(api, "GET", collection, deadline, query=[("labelSelector", f"{RUN_LABEL}={run}")]) or {}
    kind = str(answer.get("kind", "")).removesuffix("List")
    return [(f"{collection}/{item['metadata']['name']}", {**item, "kind": kind}) for item in answer.get("items") or ()]
