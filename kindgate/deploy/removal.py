"""Removal of applied objects from a cluster that outlives them.

`remove_versions` deletes whole versions of an application, including their volumes, for a fresh deployment in kindgate's own
cluster; `delete_run_objects` deletes only the objects that carry a run's label.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import request_if_exists, wait_deleted
from kindgate.deploy.apply import RUN_LABEL, grouped_by_rank, rank
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered, kind_of
from kindgate.waiting import Deadline

_CLAIMS = "/api/v1/namespaces/{}/persistentvolumeclaims"


def remove_versions(parts: Sequence[Rendered], address: ClusterAddress, deadline: Deadline) -> None:
    """Delete the objects of `parts` with their dependents and their StatefulSets' claims; wait until they are gone.

    Namespaces stay, as do volumes that others claim. Users of claims are deleted first: a claim is held until no pod uses
    it. Raises `DeployError` that names what is left and the finalizers that block it.
    """
    objects = [item for part in parts for item in part.objects if kind_of(item) != "Namespace"]
    namespaces = {ref.namespace for item in objects if (ref := ObjectRef.of(item)).namespace}
    workload = rank({"apiVersion": "apps/v1", "kind": "StatefulSet"})
    with connect(address) as api:
        for group in reversed(grouped_by_rank(item for item in objects if rank(item) >= workload)):
            _delete_objects(api, _paths(api, group, deadline), namespaces, deadline)
        _delete_objects(api, _created_claims(api, objects, deadline), namespaces, deadline)
        for group in reversed(grouped_by_rank(item for item in objects if rank(item) < workload)):
            _delete_objects(api, _paths(api, group, deadline), namespaces, deadline)


def delete_run_objects(rendered: Rendered, address: ClusterAddress, *, run: str, deadline: Deadline) -> tuple[ObjectRef, ...]:
    """Delete the objects with the run's label in `rendered`'s kinds and namespaces, last applied first; wait until they are gone.

    Objects without the label are left alone. Returns the deleted objects. Raises `DeployError` that names what is left
    and the finalizers that block it.
    """
    deleted: list[ObjectRef] = []
    with connect(address) as api:
        for group in reversed(grouped_by_rank(rendered.objects)):
            collections = sorted({path for manifest in group if (path := _collection(api, manifest, deadline))})
            live_objects = [item for path in collections for item in _objects_of_run(api, path, run, deadline)]
            for path, item in live_objects:
                body = {"propagationPolicy": "Foreground", "preconditions": {"uid": item["metadata"]["uid"]}}
                request_if_exists(api, "DELETE", path, deadline, body=body)
            for path, item in live_objects:
                wait_deleted(api, path, ObjectRef.of(item), str(item["metadata"]["uid"]), deadline)
                deleted.append(ObjectRef.of(item))
    return tuple(deleted)


def application_part(rendered: Rendered, namespaces: Collection[str]) -> Rendered:
    """Return the objects of `rendered` in `namespaces`, and its volumes, which are cluster-scoped."""
    objects = tuple(item for item in rendered.objects if ObjectRef.of(item).namespace in namespaces or kind_of(item) == "PersistentVolume")
    return replace(rendered, objects=objects)


def _paths(api: Api, manifests: Iterable[Manifest], deadline: Deadline) -> Iterator[tuple[str, ObjectRef]]:
    """Yield the paths of the objects, without kinds that the cluster does not know."""
    for manifest in manifests:
        try:
            yield api.object_path(manifest, deadline), ObjectRef.of(manifest)
        except ApiError as error:
            if error.status != 404:
                raise


def _created_claims(api: Api, manifests: Iterable[Manifest], deadline: Deadline) -> Iterator[tuple[str, ObjectRef]]:
    """Yield the claims that StatefulSets created for their pods: no manifest names them, and they outlive the set."""
    for manifest in manifests:
        ref = ObjectRef.of(manifest)
        templates = [template["metadata"]["name"] for template in (manifest.get("spec") or {}).get("volumeClaimTemplates") or ()]
        if ref.kind != "StatefulSet" or not templates:
            continue
        claim_name = re.compile(f"({'|'.join(map(re.escape, templates))})-{re.escape(ref.name)}-[0-9]+")
        collection = _CLAIMS.format(ref.namespace)
        for item in (request_if_exists(api, "GET", collection, deadline) or {}).get("items", ()):
            name = str(item["metadata"]["name"])
            if claim_name.fullmatch(name):
                yield f"{collection}/{name}", ObjectRef("PersistentVolumeClaim", ref.namespace, name)


def _delete_objects(api: Api, objects: Iterable[tuple[str, ObjectRef]], namespaces: Collection[str], deadline: Deadline) -> None:
    """Delete objects with their dependents, all at the same time, and wait for all of them."""
    live_objects = [(path, ref, live) for path, ref in objects if (live := request_if_exists(api, "GET", path, deadline)) is not None]
    deletable = [
        (path, ref, str(live["metadata"]["uid"])) for path, ref, live in live_objects if not _is_claimed_elsewhere(live, ref, namespaces)
    ]
    for path, _, uid in deletable:
        request_if_exists(api, "DELETE", path, deadline, body={"propagationPolicy": "Foreground", "preconditions": {"uid": uid}})
    for path, ref, uid in deletable:
        wait_deleted(api, path, ref, uid, deadline)


def _is_claimed_elsewhere(live: dict[str, Any], ref: ObjectRef, namespaces: Collection[str]) -> bool:
    """Return whether this is a volume that others use, or that is still unused."""
    claim = (live.get("spec") or {}).get("claimRef") or {}
    return ref.kind == "PersistentVolume" and claim.get("namespace") not in namespaces


def _collection(api: Api, manifest: Manifest, deadline: Deadline) -> str:
    """The path of the object's collection; empty if the cluster does not know the kind."""
    ref = ObjectRef.of(manifest)
    try:
        return api.collection(str(manifest["apiVersion"]), str(manifest["kind"]), ref.namespace or "default", deadline)
    except ApiError as error:
        if error.status == 404:
            return ""
        raise


def _objects_of_run(api: Api, collection: str, run: str, deadline: Deadline) -> list[tuple[str, dict[str, Any]]]:
    """The run's objects in a collection, each with its path and with `kind`, which lists omit."""
    response = request_if_exists(api, "GET", collection, deadline, query=[("labelSelector", f"{RUN_LABEL}={run}")]) or {}
    kind = str(response.get("kind", "")).removesuffix("List")
    return [(f"{collection}/{item['metadata']['name']}", {**item, "kind": kind}) for item in response.get("items") or ()]
