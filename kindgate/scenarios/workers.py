"""The nodes of a cluster that kindgate created: which one a fault is done to, and whether it is as before afterward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import retried
from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import is_true
from kindgate.scenarios.rollout import READ_SECONDS, read_workloads
from kindgate.scenarios.state_diff import differences
from kindgate.scenarios.targets import INGRESS_SERVICE
from kindgate.waiting import Deadline, Pending, Ready, wait_for

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_CHECK_SECONDS = 0.5


def own_engine(address: ClusterAddress, engine: Engine | None, what: str) -> Engine:
    """The engine that runs the cluster's nodes; raises `ScenarioError` if kindgate did not create the cluster.

    `what` begins the error: `nodes are paused`.
    """
    if engine is None or address.existing:
        raise ScenarioError(f"{what} only in a cluster that kindgate created", next_step="kill pods instead, or create a cluster")
    return engine


def list_objects(api: Api, plural: str, deadline: Deadline, query: Sequence[tuple[str, str]] = ()) -> list[Manifest]:
    """All `nodes` or `pods` of the cluster that match the query; raises `DeployError`."""
    path = f"/api/v1/{plural}"
    found = retried(lambda: api.request("GET", path, deadline, query=query), f"the {plural} cannot be listed", deadline)
    kind = {"nodes": "Node", "pods": "Pod"}[plural]
    return [{**item, "kind": kind} for item in found["items"]]


def usable_workers(nodes: Iterable[Manifest]) -> list[str]:
    """The names of the workers that are ready and accept pods."""
    usable = [node for node in nodes if is_true(node, "Ready") and not (node.get("spec") or {}).get("unschedulable")]
    return [name_of(node) for node in usable if _CONTROL_PLANE not in (node["metadata"].get("labels") or {})]


def most_used(candidates: Iterable[str], pods: Iterable[Manifest], workloads: Iterable[ObjectRef]) -> str:
    """The node with most ready pods in the namespaces of the workloads; of several, the first by name."""
    namespaces = {ref.namespace for ref in workloads}
    counts = dict.fromkeys(sorted(candidates), 0)
    for pod in pods:
        if node_of(pod) in counts and pod["metadata"].get("namespace") in namespaces and is_true(pod, "Ready"):
            counts[node_of(pod)] += 1
    return max(counts, key=lambda name: counts[name])


def node_to_fail(nodes: Sequence[Manifest], pods: Sequence[Manifest], workloads: Iterable[ObjectRef], requested: str = "") -> str:
    """The node of that name, or the ready worker with most pods of the workloads' namespaces that no ingress controller runs on.

    Raises `ScenarioError` if there is none.
    """
    ingress = {node_of(pod) for pod in pods if pod["metadata"].get("namespace") == INGRESS_SERVICE.namespace}
    ready = [name_of(node) for node in nodes if is_true(node, "Ready")]
    candidates = [requested] if requested in ready else [name for name in usable_workers(nodes) if name not in ingress]
    if not candidates or (requested and requested not in ready):
        raise ScenarioError(
            f"node {requested} cannot fail: it is not ready, or does not exist" if requested else "no worker can fail",
            last_state=f"ready nodes: {', '.join(ready) or 'none'}; with the ingress: {', '.join(sorted(ingress)) or 'none'}",
            next_step="use a cluster with two workers: --kind-workers 2",
        )
    return most_used(candidates, pods, workloads)


def state_with_node(address: ClusterAddress, workloads: Sequence[ObjectRef], node: str) -> tuple[Manifest, ...]:
    """The live workloads, and then the node's specification; raises `DeployError` and `ScenarioError`."""
    with connect(address) as api:
        deadline = Deadline.after(READ_SECONDS)
        live = retried(lambda: api.request("GET", f"/api/v1/nodes/{node}", deadline), f"Node {node} cannot be read", deadline)
    specification = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "spec": live.get("spec") or {}}
    return (*read_workloads(address, workloads), specification)


def wait_unchanged(before: Sequence[Manifest], read: Callable[[], Sequence[Manifest]], deadline: Deadline) -> tuple[str, ...]:
    """Wait until the state is as before, because controllers remove taints a moment later; return what still differs at the end."""
    final = deadline.at_most(READ_SECONDS)

    def same() -> Ready[tuple[str, ...]] | Pending:
        found = differences(before, read())
        return Ready(found) if not found or final.expired else Pending(found[0])

    return wait_for("the node to be as before", same, deadline, interval=_CHECK_SECONDS)


def pods_per_node(pods: Iterable[Manifest]) -> tuple[int, ...]:
    """The numbers of pods on the nodes that have any, in ascending order: how they are balanced, wherever they are."""
    return tuple(sorted(Counter(map(node_of, pods)).values()))


def name_of(item: Manifest) -> str:
    """The object's name."""
    return str(item["metadata"]["name"])


def node_of(pod: Manifest) -> str:
    """The name of the node that the pod is bound to; empty for none."""
    spec: Mapping[str, object] = pod.get("spec") or {}
    return str(spec.get("nodeName") or "")
