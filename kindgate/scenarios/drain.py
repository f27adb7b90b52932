"""A worker node is drained, as before its maintenance: no pod is scheduled on it, and its pods are evicted.

Budgets (PodDisruptionBudget) are obeyed: a pod whose eviction would break one stays until another is ready. Only on clusters
that kindgate created.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

from kindgate.cluster.api_client import Api, connect, is_worth_retrying
from kindgate.cluster.api_retry import retried
from kindgate.deploy.monitoring import MONITORING
from kindgate.errors import ApiError, ScenarioError
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.live_pods import ready_pods_of, watched
from kindgate.scenarios.pod_kill import pods_replaced
from kindgate.scenarios.rollout import READ_SECONDS, wait_rolled_out
from kindgate.scenarios.workers import list_objects, most_used, state_with_node, usable_workers, wait_unchanged
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

_CHECK_SECONDS = 0.5
_MIRROR = "kubernetes.io/config.mirror"


class Drain:
    """Cordon and drain the worker node with most ready pods in the namespaces of the workloads, or `node`; it is uncordoned afterward.

    DaemonSets' pods stay, as with `kubectl drain`, and so does kindgate's Prometheus, whose samples would be lost.
    """

    scenario = "chaos"
    name = "drain"

    def __init__(self, address: ClusterAddress, workloads: Sequence[ObjectRef], node: str = "") -> None:
        self.workloads = tuple(workloads)
        self._address = address
        self._requested = node

    @property
    def targets(self) -> tuple[str, ...]:
        """The node, for people."""
        return (str(ObjectRef("Node", "", self.node)),)

    @functools.cached_property
    def node(self) -> str:
        """The node to drain, chosen when first needed. Raises `ScenarioError` if there is none, or nowhere for its pods to go."""
        if self._address.existing:
            raise ScenarioError("nodes are drained only in a cluster that kindgate created")
        deadline = Deadline.after(READ_SECONDS)
        with connect(self._address) as api:
            return node_to_drain(list_objects(api, "nodes", deadline), list_objects(api, "pods", deadline), self.workloads, self._requested)

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The workloads and the node's specification as they are before the action; raises `DeployError` and `ScenarioError`."""
        return self._state()

    def undo(self) -> tuple[UndoStep, ...]:
        """Uncordon the node. Raises `ScenarioError` if a pod on it could not be created elsewhere."""
        assert self.before is not None  # noqa: S101  # reads it
        with connect(self._address) as api:
            for pod in self._pods(api, Deadline.after(READ_SECONDS)):
                refuse_bound(pod)
        return (UndoStep(("uncordon", self.node)),)

    def run(self, note: Note, deadline: Deadline) -> None:
        """Cordon the node, evict its pods, and wait until as many of the workloads are ready as before."""
        with connect(self._address) as api, watched(api, self.workloads, deadline) as informer:
            expected = {ref: len(ready_pods_of(informer.snapshot(), ref)) for ref in self.workloads}
            began = deadline.clock()
            self._cordon(api, deadline)
            note(f"drain: {self.targets[0]} is cordoned")
            evicted: set[str] = set()
            wait_for("the node to be drained", lambda: self._evict(api, evicted, note, deadline), deadline, interval=_CHECK_SECONDS)
            note(f"drain: {len(evicted)} pods were evicted and are gone, {deadline.clock() - began:.1f} s after the node was cordoned")
            wait_for(
                "as many ready pods as before",
                lambda: pods_replaced(informer.snapshot(), expected, frozenset()),
                deadline,
                interval=1.0,
                pause=informer.wait,
            )
            note(f"drain: as many are ready as before, {deadline.clock() - began:.1f} s after the node was cordoned")

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Wait until the workloads are ready and the node accepts pods, and return what differs from before."""
        wait_rolled_out(self._address, self.before[:-1], deadline)
        return wait_unchanged(self.before, self._state, deadline)

    def _state(self) -> tuple[Manifest, ...]:
        return state_with_node(self._address, self.workloads, self.node)

    def _cordon(self, api: Api, deadline: Deadline) -> None:
        body = [{"op": "add", "path": "/spec/unschedulable", "value": True}]
        path, kind = f"/api/v1/nodes/{self.node}", "application/json-patch+json"
        retried(
            lambda: api.request("PATCH", path, deadline, body=body, content_type=kind), f"{self.targets[0]} cannot be cordoned", deadline
        )

    def _pods(self, api: Api, deadline: Deadline) -> list[Manifest]:
        query = [("fieldSelector", f"spec.nodeName={self.node}")]
        return [pod for pod in list_objects(api, "pods", deadline, query) if _is_evicted(pod, self.node)]

    def _evict(self, api: Api, evicted: set[str], note: Note, deadline: Deadline) -> Ready[None] | Pending | PermanentFailure:
        """Ask for the eviction of every pod that is left; ready once none is."""
        pods = self._pods(api, deadline)
        waiting = []
        for pod in pods:
            ref = ObjectRef.of(pod)
            if pod["metadata"]["uid"] in evicted:
                waiting.append(f"{ref} is terminating")
                continue
            try:
                _request_eviction(api, ref, deadline)
            except ApiError as error:
                if error.status == 404:
                    continue
                if not is_worth_retrying(error):
                    return PermanentFailure(f"{ref} cannot be evicted: {error.message}")
                waiting.append(f"{ref}: {error.message}")
            else:
                evicted.add(pod["metadata"]["uid"])
                note(f"drain: evicted {ref}")
        return Pending("\n".join(waiting) or "listing") if pods else Ready(None)


def node_to_drain(nodes: Iterable[Manifest], pods: Iterable[Manifest], workloads: Sequence[ObjectRef], requested: str = "") -> str:
    """The worker node of that name, or the one with most ready pods of the workloads' namespaces.

    Raises `ScenarioError` if there is no such node, or no other one that accepts pods.
    """
    workers = usable_workers(nodes)
    candidates = [name for name in workers if requested in {"", name}]
    if not candidates or len(workers) < 2:
        raise ScenarioError(
            f"node {requested} cannot be drained" if requested else "no node can be drained",
            last_state=f"workers that are ready and accept pods: {', '.join(workers) or 'none'}",
            next_step="use a cluster with two workers: --kind-workers 2",
        )
    return most_used(candidates, pods, workloads)


def refuse_bound(pod: Manifest) -> None:
    """Raise `ScenarioError` for a pod that nothing would create again, or whose volume may exist on its node alone."""
    claims = [volume for volume in pod["spec"].get("volumes") or () if "persistentVolumeClaim" in volume]
    controlled = any(owner.get("controller") for owner in pod["metadata"].get("ownerReferences") or ())
    if claims or not controlled:
        reason = "it has a volume of its node" if claims else "no controller creates it again"
        raise ScenarioError(
            f"{ObjectRef.of(pod)} cannot move to another node: {reason}",
            next_step="drain another node",
        )


def _is_evicted(pod: Manifest, node: str) -> bool:
    metadata: Mapping[str, object] = pod["metadata"]
    owners = pod["metadata"].get("ownerReferences") or ()
    stays = any(owner.get("kind") == "DaemonSet" for owner in owners) or _MIRROR in (pod["metadata"].get("annotations") or {})
    ended = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return pod["spec"].get("nodeName") == node and not stays and not ended and metadata.get("namespace") != MONITORING


def _request_eviction(api: Api, ref: ObjectRef, deadline: Deadline) -> None:
    path = f"/api/v1/namespaces/{ref.namespace}/pods/{ref.name}/eviction"
    metadata = {"name": ref.name, "namespace": ref.namespace}
    api.request("POST", path, deadline, body={"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
