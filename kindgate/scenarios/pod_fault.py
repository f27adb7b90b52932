"""Faults inside pods that last for some seconds: scripts that the pod's node runs begin and end them. Afterward all is as before.

Only on clusters that kindgate created, whose nodes are containers of an engine.
"""

from __future__ import annotations

import functools
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kindgate.cluster.api_client import connect
from kindgate.errors import CommandFailed, ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import app_container_statuses
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.live_pods import ready_pods_of, watched
from kindgate.scenarios.node_fault import FAULT_SECONDS, checked_seconds
from kindgate.scenarios.pod_kill import pods_replaced
from kindgate.scenarios.rollout import READ_SECONDS, read_workloads, wait_rolled_out
from kindgate.scenarios.state_diff import differences
from kindgate.scenarios.workers import node_of, own_engine
from kindgate.waiting import Deadline, Pending, Ready, wait_for

SPARE_SECONDS = 30.0
"""Time after the end of a fault at which it expires by itself."""

_COMMAND_SECONDS = 20.0


@dataclass(frozen=True)
class TargetPod:
    """A pod as it is found: its node, one of its containers, and its addresses."""

    name: str
    node: str
    container: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class PodScripts:
    """The scripts of a fault for `sh` on the node. `begin` reads `stdin`; `end` and `left` succeed if nothing is there.

    `left` prints a line for each thing that is left. `effect` completes `Pod shop/web-1 ...`.
    """

    begin: str
    end: str
    left: str
    effect: str
    stdin: str = ""


class PodFault(ABC):
    """Do something to one ready pod of each workload, or with `all_pods` to all of them, for `seconds`."""

    scenario = "chaos"
    name: str

    def __init__(
        self,
        address: ClusterAddress,
        workloads: Sequence[ObjectRef],
        engine: Engine | None,
        *,
        all_pods: bool = False,
        seconds: float = FAULT_SECONDS,
    ) -> None:
        self.workloads = tuple(workloads)
        self.episode = uuid.uuid4().hex
        self._address = address
        self._engine = engine
        self._all_pods = all_pods
        self._seconds = checked_seconds(seconds)

    @abstractmethod
    def scripts(self, pod: TargetPod, expires: float) -> PodScripts:
        """The scripts for a pod; without `end`, the fault ends after `expires` seconds. Raises `ScenarioError`."""

    @abstractmethod
    def check(self, pod: Manifest) -> None:
        """Raise `ScenarioError` if the fault cannot be done to this pod."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The workloads, for people."""
        return tuple(map(str, self.workloads))

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The workloads as they are before the action, read when first needed; raises `DeployError` and `ScenarioError`."""
        return read_workloads(self._address, self.workloads)

    @functools.cached_property
    def pods(self) -> tuple[TargetPod, ...]:
        """The pods that are injured, chosen when first needed; raises `ScenarioError`."""
        with connect(self._address) as api, watched(api, self.workloads, Deadline.after(READ_SECONDS)) as informer:
            snapshot = informer.snapshot()
        found = {ref: ready_pods_of(snapshot, ref) for ref in self.workloads}
        return tuple(target_pod(pod) for ref, pods in found.items() for pod in self._chosen(ref, pods))

    def undo(self) -> tuple[UndoStep, ...]:
        """End the fault on each node. Raises `ScenarioError` on a cluster that kindgate did not create, and if a pod does not allow it."""
        own_engine(self._address, self._engine, f"{self.name} is done")
        assert self.before is not None  # noqa: S101  # reads it
        return tuple(UndoStep(_in_node(pod.node, scripts.end), program="engine") for pod, scripts in self._on_nodes())

    def run(self, note: Note, deadline: Deadline) -> None:
        """Begin the fault, end it, and wait until as many pods are ready as before. Raises `KindgateError`."""
        with connect(self._address) as api, watched(api, self.workloads, deadline) as informer:
            expected: Mapping[ObjectRef, int] = {ref: len(ready_pods_of(informer.snapshot(), ref)) for ref in self.workloads}
            for pod in self.pods:
                note(f"{self.name}: {pod.name} {self._begin(pod, deadline)}")
            began = deadline.clock()
            held = Deadline.after(self._seconds, deadline.clock)
            wait_for("the fault to last", lambda: Ready(None) if held.expired else Pending("it lasts"), deadline, interval=self._seconds)
            for pod, scripts in self._on_nodes():
                self._run(pod.node, scripts.end, deadline)
            ended = deadline.clock()
            note(f"{self.name}: it ends after {ended - began:.1f} s")
            wait_for(
                "as many ready pods as before",
                lambda: pods_replaced(informer.snapshot(), expected, frozenset()),
                deadline,
                interval=1.0,
                pause=informer.wait,
            )
            note(f"{self.name}: as many are ready as before, {deadline.clock() - ended:.1f} s after its end")

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Wait until the workloads are ready, and return how they differ from before, and what of the fault is left."""
        wait_rolled_out(self._address, self.before, deadline)
        left = [f"Node {pod.node}: {line}" for pod, scripts in self._on_nodes() for line in self._run(pod.node, scripts.left, deadline)]
        return (*differences(self.before, read_workloads(self._address, self.workloads)), *left)

    def _on_nodes(self) -> list[tuple[TargetPod, PodScripts]]:
        """One pod of each node with its scripts: those that end the fault do so for all pods of the node."""
        pods = {pod.node: pod for pod in reversed(self.pods)}
        return [(pod, self.scripts(pod, self._seconds + SPARE_SECONDS)) for _, pod in sorted(pods.items())]

    def _chosen(self, workload: ObjectRef, pods: Sequence[Manifest]) -> Sequence[Manifest]:
        chosen = pods if self._all_pods else pods[:1]
        if not chosen:
            raise ScenarioError(f"{workload} has no ready pod", next_step="limit the scenario to other workloads")
        for pod in chosen:
            self.check(pod)
        return chosen

    def _begin(self, pod: TargetPod, deadline: Deadline) -> str:
        scripts = self.scripts(pod, self._seconds + SPARE_SECONDS)
        try:
            self._run(pod.node, scripts.begin, deadline, scripts.stdin)
        except CommandFailed as error:
            raise ScenarioError(f"{self.name} of {pod.name} cannot begin", last_state=error.stderr) from error
        return scripts.effect

    def _run(self, node: str, script: str, deadline: Deadline, stdin: str = "") -> list[str]:
        engine = own_engine(self._address, self._engine, f"{self.name} is done")
        return engine.run(*_in_node(node, script), deadline=deadline.at_most(_COMMAND_SECONDS), input=stdin).stdout.splitlines()


def target_pod(pod: Manifest) -> TargetPod:
    """What a fault needs of a pod."""
    containers = [str(status.get("containerID", "")).rpartition("/")[2] for status in app_container_statuses(pod)]
    addresses = tuple(str(entry["ip"]) for entry in (pod.get("status") or {}).get("podIPs") or ())
    return TargetPod(str(ObjectRef.of(pod)), node_of(pod), next(filter(None, containers), ""), addresses)


def _in_node(node: str, script: str) -> tuple[str, ...]:
    return ("exec", "--interactive", node, "sh", "-c", script)
