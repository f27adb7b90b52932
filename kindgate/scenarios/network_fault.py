"""The network of pods fails for some seconds: they are partitioned, or lose a share of their packets.

The packets are dropped by a filter in the pod's network namespace, so its probes are affected too, as by a broken network. Only
on clusters that kindgate created. Latency is not offered: many kernels lack netem.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import retried
from kindgate.errors import CommandFailed, ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.object_status import app_container_statuses
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.live_pods import ready_pods_of, watched
from kindgate.scenarios.node_fault import FAULT_SECONDS, checked_seconds
from kindgate.scenarios.packet_filter import EVERYTHING, Direction, PacketFilter, begin_script, end_script, left_script, ruleset
from kindgate.scenarios.pod_kill import pods_replaced
from kindgate.scenarios.rollout import READ_SECONDS, read_workloads, wait_rolled_out
from kindgate.scenarios.state_diff import differences
from kindgate.scenarios.workers import node_of, own_engine
from kindgate.waiting import Deadline, Pending, Ready, wait_for

NetworkFaultName = Literal["partition", "packet-loss"]

LOSS_PERCENT: Final = 20
"""Share of the packets that are lost, unless a test says otherwise."""

_COMMAND_SECONDS = 20.0
_SPARE_SECONDS = 30.0
"""Time after the end of a fault at which it expires by itself."""


@dataclass(frozen=True)
class _Target:
    """A pod as it is found: its node, one of its containers, and its addresses."""

    name: str
    node: str
    container: str
    addresses: tuple[str, ...]


class NetworkFault:
    """Drop packets of one ready pod of each workload, or with `all_pods` of all of them, for `seconds`.

    `percent` of 100 is a partition. `direction` is as the pod sees it; with `peers`, only packets from or to the pods of these
    workloads are dropped.
    """

    scenario = "chaos"

    def __init__(
        self,
        address: ClusterAddress,
        workloads: Sequence[ObjectRef],
        engine: Engine | None,
        *,
        percent: int = EVERYTHING,
        direction: Direction = "both",
        peers: Sequence[ObjectRef] = (),
        all_pods: bool = False,
        seconds: float = FAULT_SECONDS,
    ) -> None:
        if not 0 < percent <= EVERYTHING:
            raise ScenarioError(f"{percent} % of the packets cannot be lost", next_step="use 1 to 100")
        self.name: NetworkFaultName = "partition" if percent == EVERYTHING else "packet-loss"
        self.workloads = tuple(workloads)
        self._address = address
        self._engine = engine
        self._percent = percent
        self._direction = direction
        self._peers = tuple(peers)
        self._all_pods = all_pods
        self._seconds = checked_seconds(seconds)
        self._episode = uuid.uuid4().hex

    @property
    def targets(self) -> tuple[str, ...]:
        """The workloads, for people."""
        return tuple(map(str, self.workloads))

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The workloads as they are before the action, read when first needed; raises `DeployError` and `ScenarioError`."""
        return read_workloads(self._address, self.workloads)

    @functools.cached_property
    def pods(self) -> tuple[_Target, ...]:
        """The pods that lose packets, chosen when first needed; raises `ScenarioError`."""
        with connect(self._address) as api, watched(api, self.workloads, Deadline.after(READ_SECONDS)) as informer:
            snapshot = informer.snapshot()
        found = {ref: ready_pods_of(snapshot, ref) for ref in self.workloads}
        return tuple(_target(pod) for ref, pods in found.items() for pod in self._chosen(ref, pods))

    @functools.cached_property
    def packets(self) -> PacketFilter:
        """The filter, with the addresses of the peers; raises `ScenarioError` if they have none."""
        return PacketFilter(self._percent, self._direction, self._peer_addresses() if self._peers else ())

    def undo(self) -> tuple[UndoStep, ...]:
        """Remove the filters. Raises `ScenarioError` on a cluster that kindgate did not create, and for a pod in its node's network."""
        own_engine(self._address, self._engine, "networks of pods fail")
        assert self.before is not None  # noqa: S101  # reads it
        assert self.packets is not None  # noqa: S101  # the same
        return tuple(UndoStep(_in_node(node, end_script(self._episode)), program="engine") for node in self._nodes)

    def run(self, note: Note, deadline: Deadline) -> None:
        """Add the filters, remove them, and wait until as many pods are ready as before. Raises `KindgateError`."""
        with connect(self._address) as api, watched(api, self.workloads, deadline) as informer:
            expected: Mapping[ObjectRef, int] = {ref: len(ready_pods_of(informer.snapshot(), ref)) for ref in self.workloads}
            for pod in self.pods:
                self._begin(pod, deadline)
                note(f"{self.name}: {pod.name} loses {self.packets.percent} % of its packets")
            began = deadline.clock()
            held = Deadline.after(self._seconds, deadline.clock)
            wait_for("the fault to last", lambda: Ready(None) if held.expired else Pending("it lasts"), deadline, interval=self._seconds)
            for node in self._nodes:
                self._run(node, end_script(self._episode), deadline)
            ended = deadline.clock()
            note(f"{self.name}: the network is whole after {ended - began:.1f} s")
            wait_for(
                "as many ready pods as before",
                lambda: pods_replaced(informer.snapshot(), expected, frozenset()),
                deadline,
                interval=1.0,
                pause=informer.wait,
            )
            note(f"{self.name}: as many are ready as before, {deadline.clock() - ended:.1f} s after its end")

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Wait until the workloads are ready, and return how they differ from before, and which filters are left."""
        wait_rolled_out(self._address, self.before, deadline)
        left = (f"Node {node}: {line}" for node in self._nodes for line in self._run(node, left_script(self._episode), deadline))
        return (*differences(self.before, read_workloads(self._address, self.workloads)), *left)

    @property
    def _nodes(self) -> list[str]:
        return sorted({pod.node for pod in self.pods})

    def _chosen(self, workload: ObjectRef, pods: Sequence[Manifest]) -> Sequence[Manifest]:
        chosen = pods if self._all_pods else pods[:1]
        if not chosen:
            raise ScenarioError(f"{workload} has no ready pod", next_step="limit the scenario to other workloads")
        if any(pod["spec"].get("hostNetwork") for pod in chosen):
            raise ScenarioError(f"{workload} uses the network of its nodes, which others need", next_step="limit the scenario to others")
        return chosen

    def _peer_addresses(self) -> tuple[str, ...]:
        with connect(self._address) as api, watched(api, self._peers, Deadline.after(READ_SECONDS)) as informer:
            snapshot = informer.snapshot()
            services = {ref.namespace: _services(api, ref.namespace) for ref in self._peers}
        found = [address for ref in self._peers for pod in ready_pods_of(snapshot, ref) for address in _target(pod).addresses]
        # within a pod, a connection through a Service has the address of the Service
        for live in read_workloads(self._address, self._peers):
            found += [address for service in services[live["metadata"]["namespace"]] for address in _addresses_if_selected(service, live)]
        if not found:
            raise ScenarioError(f"no ready pod of {', '.join(map(str, self._peers))} has an address")
        return tuple(found)

    def _begin(self, pod: _Target, deadline: Deadline) -> None:
        script = begin_script(pod.container, self._episode, self._seconds + _SPARE_SECONDS)
        try:
            self._run(pod.node, script, deadline, ruleset(self.packets, self._episode))
        except CommandFailed as error:
            raise ScenarioError(f"packets of {pod.name} cannot be dropped", last_state=error.stderr) from error

    def _run(self, node: str, script: str, deadline: Deadline, stdin: str = "") -> list[str]:
        engine = own_engine(self._address, self._engine, "networks of pods fail")
        return engine.run(*_in_node(node, script), deadline=deadline.at_most(_COMMAND_SECONDS), input=stdin).stdout.splitlines()


def _services(api: Api, namespace: str) -> list[Manifest]:
    path = f"/api/v1/namespaces/{namespace}/services"
    deadline = Deadline.after(READ_SECONDS)
    items: list[Manifest] = retried(lambda: api.request("GET", path, deadline), "the Services cannot be listed", deadline)["items"]
    return items


def _addresses_if_selected(service: Manifest, workload: Manifest) -> list[str]:
    """The cluster's addresses of a Service that selects the workload's pods; none of another, and of a headless one."""
    spec = service.get("spec") or {}
    labels = (workload["spec"]["template"].get("metadata") or {}).get("labels") or {}
    selector = spec.get("selector") or {}
    if not selector or not selector.items() <= labels.items():
        return []
    return [str(address) for address in spec.get("clusterIPs") or () if address != "None"]


def _in_node(node: str, script: str) -> tuple[str, ...]:
    return ("exec", "--interactive", node, "sh", "-c", script)


def _target(pod: Manifest) -> _Target:
    containers = [str(status.get("containerID", "")).rpartition("/")[2] for status in app_container_statuses(pod)]
    addresses = tuple(str(entry["ip"]) for entry in (pod.get("status") or {}).get("podIPs") or ())
    return _Target(str(ObjectRef.of(pod)), node_of(pod), next(filter(None, containers), ""), addresses)
