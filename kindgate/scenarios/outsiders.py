"""Pods that do not belong to the application, to try its connections from: a stranger, and a neighbor in each of its namespaces.

They have no labels, so no Service and no controller selects them. Their image is the one that every node has for its pods'
sandboxes, so none is loaded for them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kindgate.cluster.api_client import Api
from kindgate.cluster.api_retry import request_if_exists, retried
from kindgate.errors import DeployError, ScenarioError
from kindgate.model import ClusterAddress, ObjectRef
from kindgate.process import ProcessName
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.connection_attempts import RunningPod
from kindgate.scenarios.undo import undone_afterward
from kindgate.scenarios.undo_journal import UndoRecord
from kindgate.waiting import Deadline, Pending, Ready, wait_for

STRANGERS_NAMESPACE = "kube-public"
"""A namespace of every cluster that has no pods and no policies."""

START_SECONDS = 60.0

_USER = 65535
"""The user of the image, which Pod Security `restricted` wants to see as a number that is not 0."""


RESOURCES: Final = {"cpu": "10m", "memory": "16Mi"}
"""Requests and limits of a pod, which does nothing."""

_LIMITED: Final = re.compile("quota|LimitRange|(minimum|maximum) (cpu|memory)", re.IGNORECASE)
"""Messages of a ResourceQuota or a LimitRange."""


@dataclass(frozen=True)
class Outsiders:
    """The running pods: the stranger, and the neighbors by namespace."""

    stranger: RunningPod
    neighbors: Mapping[str, RunningPod]


@contextmanager
def outsiders(api: Api, address: ClusterAddress, kubectl: Path, namespaces: Iterable[str]) -> Iterator[Outsiders]:
    """Run the pods for the block, and delete them afterward, also if this process is killed in it.

    Raises `ScenarioError` if a pod is refused, does not start, or cannot be deleted.
    """
    deadline = Deadline.after(START_SECONDS)
    image = sandbox_image(retried(lambda: api.request("GET", "/api/v1/nodes", deadline), "the nodes cannot be listed", deadline))
    suffix = secrets.token_hex(3)
    stranger = ObjectRef("Pod", STRANGERS_NAMESPACE, f"kindgate-stranger-{suffix}")
    neighbors = {name: ObjectRef("Pod", name, f"kindgate-neighbor-{suffix}") for name in namespaces}
    pods = [stranger, *neighbors.values()]
    record = UndoRecord(
        episode=f"outsiders-{suffix}",
        what="policy: pods that try connections",
        cluster=address.name,
        existing=address.existing,
        kubectl=kubectl,
        kubeconfig=address.kubeconfig,
        context=address.context,
        process=ProcessName.current(),
        steps=tuple(_deletion(pod) for pod in pods),
    )
    with undone_afterward(record) as undo:
        for pod in pods:
            _create(api, pod, image, deadline)
        running = {pod: _wait_running(api, pod, deadline) for pod in pods}
        yield Outsiders(running[stranger], {name: running[pod] for name, pod in neighbors.items()})
    if undo.error:
        problem = "the pods that tried connections are not deleted"
        raise ScenarioError(problem, last_state=undo.error, next_step="run `kindgate scenario undo`")


def sandbox_image(nodes: Mapping[str, Any]) -> str:
    """The image of pods' sandboxes that every node of the list has; raises `ScenarioError` if they report none."""
    found: set[str] | None = None
    for node in nodes.get("items") or ():
        names = {name for image in (node.get("status") or {}).get("images") or () for name in image.get("names") or ()}
        pauses = {name for name in names if "/pause:" in name}
        found = pauses if found is None else found & pauses
    if not found:
        raise ScenarioError("no node reports an image called pause, from which pods could try connections")
    return max(found)


def outsider_manifest(pod: ObjectRef, image: str) -> dict[str, Any]:
    """The pod as it is created, within Pod Security `restricted` and any LimitRange that is not unusual."""
    container = {
        "name": "pause",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": dict(RESOURCES), "limits": dict(RESOURCES)},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _USER,
                "runAsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def _create(api: Api, pod: ObjectRef, image: str, deadline: Deadline) -> None:
    body = outsider_manifest(pod, image)
    path = f"/api/v1/namespaces/{pod.namespace}/pods"
    try:
        retried(lambda: api.request("POST", path, deadline, body=body), f"{pod}, which tries connections, cannot be created", deadline)
    except DeployError as error:
        limits = f"{RESOURCES['cpu']} CPU and {RESOURCES['memory']} memory"
        raise ScenarioError(
            error.message,
            waited=error.waited,
            last_state=error.last_state,
            next_step=f"allow one more pod, with {limits}, in the ResourceQuota and LimitRange of namespace {pod.namespace}"
            if _LIMITED.search(error.message)
            else error.next_step,
        ) from error


def _wait_running(api: Api, pod: ObjectRef, deadline: Deadline) -> RunningPod:
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"

    def probe() -> Ready[RunningPod] | Pending:
        live = request_if_exists(api, "GET", path, deadline)
        running = RunningPod.of({"kind": "Pod", **live}) if live is not None else None
        return Ready(running) if running is not None else Pending(f"{pod}: {(live or {}).get('status', {}).get('phase', 'missing')}")

    return wait_for(f"{pod}, which tries connections", probe, deadline, interval=0.3)


def _deletion(pod: ObjectRef) -> UndoStep:
    return UndoStep(("delete", "pod", pod.name, "--namespace", pod.namespace, "--ignore-not-found", "--timeout=10s"))
