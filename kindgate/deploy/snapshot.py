"""A snapshot of a cluster's objects, and the ownership between them."""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import involved_object, last_seen

_REVISION = "deployment.kubernetes.io/revision"
_GENERATION_REPORTING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"})
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


class Snapshot:
    """Objects as the API server returned them, each with its `kind`; each kind must come from one API group.

    `deleted` are deleted objects in their last known state.
    """

    def __init__(self, manifests: Iterable[Manifest], deleted: Iterable[Manifest] = ()) -> None:
        self._by_ref: dict[ObjectRef, Manifest] = {}
        self._by_kind: dict[str, list[Manifest]] = {}
        self._owned: dict[str, list[Manifest]] = {}
        self._events: dict[ObjectRef, list[Manifest]] = {}
        self._deleted = {ObjectRef.of(manifest): manifest for manifest in deleted}
        for manifest in manifests:
            self._by_kind.setdefault(str(manifest["kind"]), []).append(manifest)
            self._by_ref[ObjectRef.of(manifest)] = manifest
            for owner in manifest["metadata"].get("ownerReferences") or ():
                self._owned.setdefault(owner["uid"], []).append(manifest)
            if manifest["kind"] == "Event":
                self._events.setdefault(involved_object(manifest), []).append(manifest)

    def get(self, ref: ObjectRef) -> Manifest | None:
        """Return the object, if it exists."""
        return self._by_ref.get(ref)

    def deleted(self, ref: ObjectRef) -> Manifest | None:
        """Return the last known state of a deleted object, if it was seen."""
        return self._deleted.get(ref)

    def of_kind(self, kind: str) -> list[Manifest]:
        """Return all objects of a kind."""
        return self._by_kind.get(kind, [])

    def events(self, ref: ObjectRef) -> list[Manifest]:
        """Return the events about an object, oldest first."""
        return sorted(self._events.get(ref, []), key=last_seen)

    def replicasets(self, deployment: Manifest) -> list[Manifest]:
        """Return the Deployment's ReplicaSets of all revisions."""
        return [item for item in self._owned.get(_uid(deployment), ()) if item["kind"] == "ReplicaSet"]

    def current_replicaset(self, deployment: Manifest) -> Manifest | None:
        """Return the ReplicaSet of the Deployment's current revision; None until it has been seen."""
        revision = _annotation(deployment, _REVISION)
        return next((item for item in self.replicasets(deployment) if revision and _annotation(item, _REVISION) == revision), None)

    def pods(self, workload: Manifest) -> list[Manifest]:
        """Return the workload's current pods, without those being deleted or of a revision that a rollout replaces."""
        kind, status = workload["kind"], workload.get("status") or {}
        if kind == "Pod":
            return [workload]
        if keeps_old_pods(workload):
            return self.pods_of_all_revisions(workload)
        if kind == "Deployment":
            replicaset = self.current_replicaset(workload)
            return self._pods_owned_by(replicaset) if replicaset else []
        pods = self._pods_owned_by(workload)
        if kind == "StatefulSet":
            return [pod for pod in pods if _label(pod, "controller-revision-hash") == status.get("updateRevision")]
        if kind == "DaemonSet":
            return [pod for pod in pods if _label(pod, "pod-template-generation") == _annotation(workload, _TEMPLATE_GENERATION)]
        return pods

    def pods_of_all_revisions(self, workload: Manifest) -> list[Manifest]:
        """Return all pods of the workload that are not being deleted."""
        return [pod for owner in (workload, *self.replicasets(workload)) for pod in self._pods_owned_by(owner)]

    def terminating_pods(self, workload: Manifest) -> list[Manifest]:
        """Return the workload's pods of any revision that are being deleted: an ingress might still send them requests."""
        owners = [workload, *self.replicasets(workload)]
        pods = (item for owner in owners for item in self._owned.get(_uid(owner), ()) if item["kind"] == "Pod")
        return [pod for pod in pods if pod["metadata"].get("deletionTimestamp")]

    def endpoints(self, service: ObjectRef) -> list[Manifest]:
        """Return the addresses in the Service's EndpointSlices, ready or not."""
        slices = (
            item
            for item in self.of_kind("EndpointSlice")
            if item["metadata"].get("namespace") == service.namespace and _label(item, "kubernetes.io/service-name") == service.name
        )
        return [endpoint for item in slices for endpoint in item.get("endpoints") or ()]

    def _pods_owned_by(self, owner: Manifest) -> list[Manifest]:
        owned = (item for item in self._owned.get(_uid(owner), ()) if item["kind"] == "Pod")
        return [pod for pod in owned if not pod["metadata"].get("deletionTimestamp")]


def keeps_old_pods(workload: Manifest) -> bool:
    """Return whether old pods stay on purpose: rollout paused, updates only on manual deletion, or below the partition."""
    spec = workload.get("spec") or {}
    strategy = spec.get("updateStrategy") or {}
    return bool(spec.get("paused")) or strategy.get("type") == "OnDelete" or partition(workload) > 0


def partition(workload: Manifest) -> int:
    """Return the lowest ordinal that a StatefulSet's rollout updates; 0 for all pods, and for every other kind."""
    strategy = (workload.get("spec") or {}).get("updateStrategy") or {}
    return int((strategy.get("rollingUpdate") or {}).get("partition") or 0) if workload["kind"] == "StatefulSet" else 0


def is_up_to_date(manifest: Manifest) -> bool:
    """Return whether the status refers to the current specification, which the controller has then seen.

    Kinds whose controllers do not report this (Job, and Pod in older versions) count as up to date.
    """
    if manifest["kind"] not in _GENERATION_REPORTING:
        return True
    generation = manifest["metadata"].get("generation", 0)
    return int((manifest.get("status") or {}).get("observedGeneration", 0)) >= int(generation)


def _uid(manifest: Manifest) -> str:
    return str(manifest["metadata"]["uid"])


def _annotation(manifest: Manifest, key: str) -> str | None:
    return (manifest["metadata"].get("annotations") or {}).get(key)


def _label(manifest: Manifest, key: str) -> str | None:
    return (manifest["metadata"].get("labels") or {}).get(key)
