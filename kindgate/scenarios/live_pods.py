"""The live pods of workloads, from watches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from kindgate.cluster.api_client import Api
from kindgate.deploy.informer import Informer
from kindgate.deploy.snapshot import Snapshot
from kindgate.model import Manifest, ObjectRef
from kindgate.object_status import is_true
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

_WORKLOAD_KINDS = {"Deployment": "deployments", "ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


def collections_of(workloads: Iterable[ObjectRef]) -> list[tuple[str, str]]:
    """The collections, as kind and path, that hold the workloads' pods and their owners."""
    namespaces = sorted({ref.namespace for ref in workloads})
    pods = [("Pod", f"/api/v1/namespaces/{name}/pods") for name in namespaces]
    return pods + [(kind, f"/apis/apps/v1/namespaces/{name}/{plural}") for name in namespaces for kind, plural in _WORKLOAD_KINDS.items()]


@contextmanager
def watched(api: Api, workloads: Sequence[ObjectRef], deadline: Deadline, more: Iterable[tuple[str, str]] = ()) -> Iterator[Informer]:
    """Yield a live copy of the workloads, their pods and `more` collections, once everything is listed.

    Raises `WaitFailed` and `WaitTimeout`.
    """
    with Informer(api, [*collections_of(workloads), *more], deadline) as informer:

        def listed() -> Ready[None] | Pending | PermanentFailure:
            if informer.list_refusal:
                return PermanentFailure(informer.list_refusal, "allow the kubeconfig's user to list and watch pods and workloads")
            return Ready(None) if informer.all_listed else Pending(informer.watch_error or "listing them")

        wait_for("the list of workloads and their pods", listed, deadline, pause=informer.wait)
        yield informer


def ready_pods_of(snapshot: Snapshot, workload: ObjectRef) -> list[Manifest]:
    """The workload's ready pods by name, without those that are terminating; empty if it does not exist."""
    live = snapshot.get(workload)
    pods = [] if live is None else snapshot.pods_of_all_revisions(live)
    return sorted((pod for pod in pods if is_true(pod, "Ready")), key=lambda pod: str(pod["metadata"]["name"]))


def uid_of(manifest: Manifest) -> str:
    """The identifier that no other object ever has."""
    return str(manifest["metadata"]["uid"])
