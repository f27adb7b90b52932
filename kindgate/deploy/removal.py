"""The removal of versions of an application from a cluster of ours, with their volumes, so that they can be deployed afresh."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from kindgate.deploy.api import Api, connect
from kindgate.deploy.calls import ask, wait_gone
from kindgate.deploy.order import rank, ranked
from kindgate.errors import ApiError
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered, kind_of
from kindgate.waiting import Deadline

_CLAIMS = "/api/v1/namespaces/{}/persistentvolumeclaims"


def own_part(rendered: Rendered, namespaces: Collection[str]) -> Rendered:
    """What of `rendered` lives in `namespaces`, and its volumes, which live in none."""
    objects = tuple(item for item in rendered.objects if ObjectRef.of(item).namespace in namespaces or kind_of(item) == "PersistentVolume")
    return replace(rendered, objects=objects)


def remove(parts: Sequence[Rendered], address: ClusterAddress, deadline: Deadline) -> None:
    """Delete the objects of `parts`, all that they made, and the claims of their StatefulSets; wait until they are gone.

    Namespaces stay, and so do volumes that others claim. What uses claims goes before them: a claim is held until no pod uses
    it. Raises `DeployError` that names what is left and the finalizers that hold it.
    """
    objects = [item for part in parts for item in part.objects if kind_of(item) != "Namespace"]
    namespaces = {ref.namespace for item in objects if (ref := ObjectRef.of(item)).namespace}
    workload = rank({"apiVersion": "apps/v1", "kind": "StatefulSet"})
    with connect(address) as api:
        for group in reversed(ranked(item for item in objects if rank(item) >= workload)):
            _delete(api, _paths(api, group, deadline), namespaces, deadline)
        _delete(api, _made_claims(api, objects, deadline), namespaces, deadline)
        for group in reversed(ranked(item for item in objects if rank(item) < workload)):
            _delete(api, _paths(api, group, deadline), namespaces, deadline)


def _paths(api: Api, manifests: Iterable[Manifest], deadline: Deadline) -> Iterator[tuple[str, ObjectRef]]:
    """Where the objects live; those of kinds that the cluster does not know live nowhere."""
    for manifest in manifests:
        try:
            yield api.object_path(manifest, deadline), ObjectRef.of(manifest)
        except ApiError as error:
            if error.status != 404:
                raise


def _made_claims(api: Api, manifests: Iterable[Manifest], deadline: Deadline) -> Iterator[tuple[str, ObjectRef]]:
    """The claims that StatefulSets made for their pods: no manifest names them, and they outlive the set."""
    for manifest in manifests:
        ref = ObjectRef.of(manifest)
        templates = [template["metadata"]["name"] for template in (manifest.get("spec") or {}).get("volumeClaimTemplates") or ()]
        if ref.kind != "StatefulSet" or not templates:
            continue
        made = re.compile(f"({'|'.join(map(re.escape, templates))})-{re.escape(ref.name)}-[0-9]+")
        collection = _CLAIMS.format(ref.namespace)
        for item in (ask(api, "GET", collection, deadline) or {}).get("items", ()):
            name = str(item["metadata"]["name"])
            if made.fullmatch(name):
                yield f"{collection}/{name}", ObjectRef("PersistentVolumeClaim", ref.namespace, name)


def _delete(api: Api, objects: Iterable[tuple[str, ObjectRef]], namespaces: Collection[str], deadline: Deadline) -> None:
    """Delete objects at once, each with all that it made, and wait for all of them."""
    found = [(path, ref, live) for path, ref in objects if (live := ask(api, "GET", path, deadline)) is not None]
    mine = [(path, ref, str(live["metadata"]["uid"])) for path, ref, live in found if not _is_claimed_elsewhere(live, ref, namespaces)]
    for path, _, uid in mine:
        ask(api, "DELETE", path, deadline, body={"propagationPolicy": "Foreground", "preconditions": {"uid": uid}})
    for path, ref, uid in mine:
        wait_gone(api, path, ref, uid, deadline)


def _is_claimed_elsewhere(live: dict[str, Any], ref: ObjectRef, namespaces: Collection[str]) -> bool:
    """Whether this is a volume that others use, or that nobody has used yet."""
    claim = (live.get("spec") or {}).get("claimRef") or {}
    return ref.kind == "PersistentVolume" and claim.get("namespace") not in namespaces
