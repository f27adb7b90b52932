"""The network of pods fails for some seconds: they are partitioned, or lose a share of their packets.

The packets are dropped by a filter in the pod's network namespace, so its probes are affected too, as by a broken network. Only
on clusters that kindgate created. Latency is not offered: many kernels lack netem.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from kindgate.cluster.api_client import Api, connect
from kindgate.cluster.api_retry import retried
from kindgate.errors import ScenarioError
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress, Manifest, ObjectRef
from kindgate.scenarios.action import UndoStep
from kindgate.scenarios.live_pods import ready_pods_of, watched
from kindgate.scenarios.node_fault import FAULT_SECONDS
from kindgate.scenarios.packet_filter import EVERYTHING, Direction, PacketFilter, begin_script, end_script, left_script, ruleset
from kindgate.scenarios.pod_fault import PodFault, PodScripts, TargetPod, target_pod
from kindgate.scenarios.rollout import READ_SECONDS, read_workloads
from kindgate.waiting import Deadline

LOSS_PERCENT: Final = 20
"""Share of the packets that are lost, unless a test says otherwise."""


class NetworkFault(PodFault):
    """Drop packets of one ready pod of each workload, or with `all_pods` of all of them, for `seconds`.

    `percent` of 100 is a partition. `direction` is as the pod sees it; with `peers`, only packets from or to the pods of these
    workloads are dropped.
    """

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
        super().__init__(address, workloads, engine, all_pods=all_pods, seconds=seconds)
        if not 0 < percent <= EVERYTHING:
            raise ScenarioError(f"{percent} % of the packets cannot be lost", next_step="use 1 to 100")
        self.name = "partition" if percent == EVERYTHING else "packet-loss"
        self._percent = percent
        self._direction = direction
        self._peers = tuple(peers)

    @functools.cached_property
    def packets(self) -> PacketFilter:
        """The filter, with the addresses of the peers; raises `ScenarioError` if they have none."""
        return PacketFilter(self._percent, self._direction, self._peer_addresses() if self._peers else ())

    def undo(self) -> tuple[UndoStep, ...]:
        """Remove the filters; raises `ScenarioError` as for every fault of a pod, and for peers without an address."""
        steps = super().undo()
        assert self.packets is not None  # noqa: S101  # finds the peers
        return steps

    def check(self, pod: Manifest) -> None:
        """Raise `ScenarioError` for a pod in the network of its node."""
        if pod["spec"].get("hostNetwork"):
            raise ScenarioError(
                f"{ObjectRef.of(pod)} uses the network of its node, which others need", next_step="limit the scenario to other workloads"
            )

    def scripts(self, pod: TargetPod, expires: float) -> PodScripts:
        """The filter, and its removal."""
        return PodScripts(
            begin=begin_script(pod.container, self.episode, expires),
            end=end_script(self.episode),
            left=left_script(self.episode),
            effect=f"loses {self._percent} % of its packets",
            stdin=ruleset(self.packets, self.episode),
        )

    def _peer_addresses(self) -> tuple[str, ...]:
        with connect(self._address) as api, watched(api, self._peers, Deadline.after(READ_SECONDS)) as informer:
            snapshot = informer.snapshot()
            services = {ref.namespace: _services(api, ref.namespace) for ref in self._peers}
        found = [address for ref in self._peers for pod in ready_pods_of(snapshot, ref) for address in target_pod(pod).addresses]
        # within a pod, a connection through a Service has the address of the Service
        for live in read_workloads(self._address, self._peers):
            found += [address for service in services[live["metadata"]["namespace"]] for address in _addresses_if_selected(service, live)]
        if not found:
            raise ScenarioError(f"no ready pod of {', '.join(map(str, self._peers))} has an address")
        return tuple(found)


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
