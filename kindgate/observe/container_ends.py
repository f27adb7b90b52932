"""When and why containers of the application and of the ingress controller last ended, as their pods' statuses report it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from kindgate.cluster.api_client import Api
from kindgate.model import Manifest
from kindgate.object_status import app_container_statuses
from kindgate.observe.cluster_state import ClusterState
from kindgate.observe.workloads import UNDESCRIBED_POD
from kindgate.waiting import Deadline

INGRESS_NAMES = frozenset({"traefik", "ingress-nginx", "nginx-ingress"})
"""Values of the label app.kubernetes.io/name on ingress controllers."""


@dataclass(frozen=True)
class ContainerEnd:
    """The last run of a container that ended: `began` and `ended` in seconds since the epoch, to whole seconds.

    `resumed` is when its next run began, None if it does not run. `ingress`: it belongs to the ingress controller.
    """

    namespace: str
    workload: str
    reason: str
    exit_code: int
    began: float
    ended: float
    resumed: float | None
    ingress: bool

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed it because it reached its memory limit."""
        return self.reason == "OOMKilled"


def container_ends(api: Api, namespaces: Collection[str], deadline: Deadline) -> tuple[ContainerEnd, ...]:
    """The last ends of the containers in `namespaces`, and of those of ingress controllers. Raises `ApiError`."""
    return ends_of(ClusterState(api, tuple(namespaces), deadline).items("Pod"), namespaces)


def ends_of(pods: Iterable[Manifest], namespaces: Collection[str]) -> tuple[ContainerEnd, ...]:
    """The last ends of the containers of these pods, if they are in `namespaces` or belong to an ingress controller."""
    return tuple(end for pod in pods if is_ingress(pod) or pod["metadata"]["namespace"] in namespaces for end in _ends(pod))


def is_ingress(pod: Manifest) -> bool:
    """Whether a pod belongs to an ingress controller."""
    return (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name") in INGRESS_NAMES


def _ends(pod: Manifest) -> Iterator[ContainerEnd]:
    metadata = pod["metadata"]
    generated = UNDESCRIBED_POD.fullmatch(metadata["name"])
    for status in app_container_statuses(pod):
        state = status.get("state") or {}
        terminated = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
        began, ended = _seconds(terminated.get("startedAt")), _seconds(terminated.get("finishedAt"))
        if began is not None and ended is not None:
            yield ContainerEnd(
                namespace=str(metadata["namespace"]),
                workload=generated["name"] if generated else str(metadata["name"]),
                reason=str(terminated.get("reason", "")),
                exit_code=int(terminated.get("exitCode", 0)),
                began=began,
                ended=ended,
                resumed=_seconds((state.get("running") or {}).get("startedAt")),
                ingress=is_ingress(pod),
            )


def _seconds(moment: object) -> float | None:
    """RFC 3339 as seconds since the epoch; None for a missing time, which the API server writes as null."""
    return datetime.fromisoformat(str(moment)).timestamp() if moment else None
