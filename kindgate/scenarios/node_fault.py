"""A worker node fails for some seconds: it is paused, it is switched off, or its kubelet ends. Afterward it is as before.

Nothing in the cluster is tuned. For about 50 s Kubernetes takes such a node for ready, so the endpoints still name its pods:
an application loses requests as long as a client or proxy keeps trying them. Only on clusters that kindgate created.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import request_if_exists
from kindgate.deploy.informer import Informer
from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import app_container_statuses, is_true
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.live_pods import ready_pods_of, uid_of, watched
from kindgate.scenarios.pod_kill import pods_replaced
from kindgate.scenarios.rollout import READ_SECONDS, wait_rolled_out
from kindgate.scenarios.workers import (
    list_objects,
    name_of,
    node_of,
    node_to_fail,
    own_engine,
    pods_per_node,
    state_with_node,
    wait_unchanged,
)
from kindgate.waiting import Deadline, Pending, Ready, wait_for

NodeFaultName = Literal["pause-node", "stop-node", "kill-kubelet"]

FAULT_SECONDS: Final = 15.0
"""Time that a fault lasts, unless a test says otherwise: longer than the load's default timeout of a request."""

LONGEST_SECONDS: Final = 120.0
"""The action's time limit must leave a minute for the return; after 300 s, Kubernetes would move the pods."""

_NODE = "NODE"
_COMMAND_SECONDS = 20.0
_CHECK_SECONDS = 0.5


@dataclass(frozen=True)
class NodeFault:
    """The engine's commands that begin and end a fault, with `NODE` in place of the name; ending it twice is harmless.

    `effect` says what the node is then. `ends_containers` is whether the containers on the node start anew.
    """

    begin: tuple[str, ...]
    end: tuple[str, ...]
    effect: str
    ends_containers: bool = False


NODE_FAULTS: Final[Mapping[NodeFaultName, NodeFault]] = {
    "pause-node": NodeFault(("pause", _NODE), ("unpause", _NODE), "paused"),
    # without a grace period, as by a loss of power
    "stop-node": NodeFault(("stop", "--time", "0", _NODE), ("start", _NODE), "stopped", ends_containers=True),
    "kill-kubelet": NodeFault(
        ("exec", _NODE, "systemctl", "stop", "kubelet"), ("exec", _NODE, "systemctl", "start", "kubelet"), "without its kubelet"
    ),
}


@dataclass(frozen=True)
class _Before:
    """The node before the fault: when its kubelet last reported, its ready pods, and the ready pods of each workload."""

    heartbeat: str
    ready: frozenset[str]
    expected: Mapping[ObjectRef, int]
    ended: frozenset[str]
    """Identifiers of the containers that the fault ends."""


class NodeOutage:
    """Do the fault `name` for `seconds` to the worker with most ready pods in the namespaces of the workloads, or to `node`.

    Unless it is named, the node is neither a control plane nor one with an ingress controller.
    """

    scenario = "chaos"

    def __init__(
        self,
        address: ClusterAddress,
        workloads: Sequence[ObjectRef],
        engine: Engine | None,
        name: NodeFaultName,
        *,
        node: str = "",
        seconds: float = FAULT_SECONDS,
    ) -> None:
        self.name = name
        self.workloads = tuple(workloads)
        self._address = address
        self._engine = engine
        self._fault = NODE_FAULTS[name]
        self._requested = node
        self._seconds = checked_seconds(seconds)

    @property
    def targets(self) -> tuple[str, ...]:
        """The node, for people."""
        return (str(ObjectRef("Node", "", self.node)),)

    @functools.cached_property
    def node(self) -> str:
        """The node that fails, chosen when first needed. Raises `ScenarioError` if there is none."""
        self._own_engine()
        deadline = Deadline.after(READ_SECONDS)
        with connect(self._address) as api:
            return node_to_fail(list_objects(api, "nodes", deadline), list_objects(api, "pods", deadline), self.workloads, self._requested)

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The workloads and the node's specification as they are before the action; raises `DeployError` and `ScenarioError`."""
        return state_with_node(self._address, self.workloads, self.node)

    @functools.cached_property
    def balance(self) -> tuple[tuple[int, ...], ...]:
        """How each workload's ready pods are balanced over the nodes before the action."""
        return self._balance()

    def undo(self) -> tuple[UndoStep, ...]:
        """End the fault. Raises `ScenarioError` on a cluster that kindgate did not create, and without a node that can fail."""
        assert self.before is not None  # noqa: S101  # reads it
        assert self.balance is not None  # noqa: S101  # the same
        return (UndoStep(self._command(self._fault.end), program="engine"),)

    def run(self, note: Note, deadline: Deadline) -> None:
        """Do the fault, end it, and wait until the node and its pods are ready. Raises `KindgateError` if they do not return."""
        with connect(self._address) as api, watched(api, self.workloads, deadline) as informer:
            before = self._observe(api, informer, deadline)
            self._call(self._fault.begin, deadline)
            began = deadline.clock()
            note(f"{self.name}: {self.targets[0]} is {self._fault.effect}")
            held = Deadline.after(self._seconds, deadline.clock)
            wait_for("the fault to last", lambda: Ready(None) if held.expired else Pending("it lasts"), deadline, interval=self._seconds)
            self._call(self._fault.end, deadline)
            ended = deadline.clock()
            note(f"{self.name}: {self.targets[0]} is released after {ended - began:.1f} s")
            wait_for(
                "the node and its pods to be ready again",
                lambda: self._returned(api, informer, before, deadline),
                deadline,
                interval=_CHECK_SECONDS,
            )
            note(f"{self.name}: the node and its pods are ready, {deadline.clock() - ended:.1f} s after its release")

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Wait until the workloads are ready and the node is as before, and return what differs, with the balance of the pods."""
        wait_rolled_out(self._address, self.before[:-1], deadline)
        left = wait_unchanged(self.before, lambda: state_with_node(self._address, self.workloads, self.node), deadline)
        balances = zip(self.workloads, self.balance, self._balance(), strict=True)
        return left + tuple(f"{ref}: pods per node {list(old)} -> {list(new)}" for ref, old, new in balances if old != new)

    def _own_engine(self) -> Engine:
        return own_engine(self._address, self._engine, "nodes fail")

    def _command(self, command: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.node if part == _NODE else part for part in command)

    def _call(self, command: Sequence[str], deadline: Deadline) -> None:
        self._own_engine().run(*self._command(command), deadline=deadline.at_most(_COMMAND_SECONDS))

    def _balance(self) -> tuple[tuple[int, ...], ...]:
        deadline = Deadline.after(READ_SECONDS)
        with connect(self._address) as api, watched(api, self.workloads, deadline) as informer:
            snapshot = informer.snapshot()
        return tuple(pods_per_node(ready_pods_of(snapshot, ref)) for ref in self.workloads)

    def _observe(self, api: Api, informer: Informer, deadline: Deadline) -> _Before:
        pods = [pod for pod in list_objects(api, "pods", deadline) if node_of(pod) == self.node and is_true(pod, "Ready")]
        ended = {str(status.get("containerID")) for pod in pods for status in app_container_statuses(pod)}
        snapshot = informer.snapshot()
        return _Before(
            heartbeat=_heartbeat(api, self.node, deadline),
            ready=frozenset(map(uid_of, pods)),
            expected={ref: len(ready_pods_of(snapshot, ref)) for ref in self.workloads},
            ended=frozenset(ended) if self._fault.ends_containers else frozenset(),
        )

    def _returned(self, api: Api, informer: Informer, before: _Before, deadline: Deadline) -> Ready[None] | Pending:
        """Whether the kubelet has reported since, so what it says about the node and its pods is from after the fault."""
        if _heartbeat(api, self.node, deadline) == before.heartbeat:
            return Pending(f"the kubelet of {self.node} has not reported since the fault")
        if not any(name_of(node) == self.node and is_true(node, "Ready") for node in list_objects(api, "nodes", deadline)):
            return Pending(f"{self.node} is not ready")
        for pod in list_objects(api, "pods", deadline):
            identities = {str(status.get("containerID")) for status in app_container_statuses(pod)}
            if uid_of(pod) in before.ready and not (is_true(pod, "Ready") and identities.isdisjoint(before.ended)):
                return Pending(f"{ObjectRef.of(pod)} is not ready")
        return pods_replaced(informer.snapshot(), before.expected, before.ended)


def checked_seconds(seconds: float) -> float:
    """The time that a fault lasts; raises `ScenarioError` unless an action has time for it."""
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ScenarioError(f"a fault cannot last {seconds:g} s", next_step=f"use more than 0 and at most {LONGEST_SECONDS:g} s")
    return seconds


def _heartbeat(api: Api, node: str, deadline: Deadline) -> str:
    """When the node's kubelet last reported, by its own clock; empty if it never has."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}"
    lease = request_if_exists(api, "GET", path, deadline) or {}
    return str((lease.get("spec") or {}).get("renewTime", ""))
