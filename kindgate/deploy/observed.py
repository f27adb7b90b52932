"""What a cluster is seen to hold at one moment, and who belongs to whom in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kindgate.model import Manifest, ObjectRef

_REVISION = "deployment.kubernetes.io/revision"
_OBSERVING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


class Observed:
    """Objects as the API server returned them, each with its `kind`."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._by_ref: dict[ObjectRef, Manifest] = {}
        self._by_kind: dict[str, list[Manifest]] = {}
        self._owned: dict[str, list[Manifest]] = {}
        self._events: dict[ObjectRef, list[Manifest]] = {}
        for manifest in manifests:
            self._by_kind.setdefault(str(manifest["kind"]), []).append(manifest)
            self._by_ref[ObjectRef.of(manifest)] = manifest
            for owner in manifest["metadata"].get("ownerReferences") or ():
                self._owned.setdefault(owner["uid"], []).append(manifest)
            if manifest["kind"] == "Event":
                about = manifest.get("involvedObject") or {}
                ref = ObjectRef(str(about.get("kind", "")), str(about.get("namespace", "")), str(about.get("name", "")))
                self._events.setdefault(ref, []).append(manifest)

    def get(self, ref: ObjectRef) -> Manifest | None:
        """The object of that name, if it is there."""
        return self._by_ref.get(ref)

    def of_kind(self, kind: str) -> list[Manifest]:
        """All objects of a kind."""
        return self._by_kind.get(kind, [])

    def events(self, ref: ObjectRef) -> list[Manifest]:
        """The events about an object, oldest first."""
        return sorted(self._events.get(ref, []), key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))

    def current_replicaset(self, deployment: Manifest) -> Manifest | None:
        """The ReplicaSet of the Deployment's present revision; None as long as it has not been seen."""
        revision = _annotation(deployment, _REVISION)
        sets = (item for item in self._owned.get(_uid(deployment), ()) if item["kind"] == "ReplicaSet")
        return next((item for item in sets if revision and _annotation(item, _REVISION) == revision), None)

    def pods(self, workload: Manifest) -> list[Manifest]:
        """The pods that the workload's present revision runs; those of older revisions and those on their way out are left aside."""
        kind, status = workload["kind"], workload.get("status") or {}
        if kind == "Pod":
            return [workload]
        if kind == "Deployment":
            replicaset = self.current_replicaset(workload)
            return self._pods_owned_by(replicaset) if replicaset else []
        pods = self._pods_owned_by(workload)
        if kind == "StatefulSet":
            return [pod for pod in pods if _label(pod, "controller-revision-hash") == status.get("updateRevision")]
        if kind == "DaemonSet":
            return [pod for pod in pods if _label(pod, "pod-template-generation") == _annotation(workload, _TEMPLATE_GENERATION)]
        return pods

    def leaving(self, workload: Manifest) -> list[Manifest]:
        """The pods of any revision of the workload that are on their way out: an ingress may still lead requests to them."""
        owners = [workload, *(item for item in self._owned.get(_uid(workload), ()) if item["kind"] == "ReplicaSet")]
        pods = (item for owner in owners for item in self._owned.get(_uid(owner), ()) if item["kind"] == "Pod")
        return [pod for pod in pods if pod["metadata"].get("deletionTimestamp")]

    def ready_endpoints(self, service: ObjectRef) -> int:
        """How many ready addresses the Service's EndpointSlices hold."""
        mine = (
            item
            for item in self.of_kind("EndpointSlice")
            if item["metadata"].get("namespace") == service.namespace and _label(item, "kubernetes.io/service-name") == service.name
        )
        endpoints = (endpoint for item in mine for endpoint in item.get("endpoints") or ())
        return sum((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in endpoints)

    def _pods_owned_by(self, owner: Manifest) -> list[Manifest]:
        owned = (item for item in self._owned.get(_uid(owner), ()) if item["kind"] == "Pod")
        return [pod for pod in owned if not pod["metadata"].get("deletionTimestamp")]


def is_up_to_date(manifest: Manifest) -> bool:
    """Whether the object's controller has seen the present specification, so that its status is about that one.

    Kinds whose controllers do not say (Job, and Pod in older versions) count as up to date.
    """
    if manifest["kind"] not in _OBSERVING:
        return True
    generation = manifest["metadata"].get("generation", 0)
    return int((manifest.get("status") or {}).get("observedGeneration", 0)) >= int(generation)


def condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """The status condition of that type, empty where there is none."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == kind), {})


def _uid(manifest: Manifest) -> str:
    return str(manifest["metadata"]["uid"])


def _annotation(manifest: Manifest, key: str) -> str | None:
    return (manifest["metadata"].get("annotations") or {}).get(key)


def _label(manifest: Manifest, key: str) -> str | None:
    return (manifest["metadata"].get("labels") or {}).get(key)
