"""The fault that a `kindgate scenario chaos` command requests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from kindgate.errors import SettingsError
from kindgate.model import ObjectRef
from kindgate.pipeline.environment import RunningCluster
from kindgate.pipeline.episode_run import ingress_controller
from kindgate.scenarios.action import Action
from kindgate.scenarios.container_kill import ContainerKill
from kindgate.scenarios.dns_loss import DnsLoss
from kindgate.scenarios.drain import Drain
from kindgate.scenarios.network_fault import LOSS_PERCENT, NetworkFault
from kindgate.scenarios.node_fault import FAULT_SECONDS, NODE_FAULTS, NodeOutage
from kindgate.scenarios.packet_filter import EVERYTHING, Direction
from kindgate.scenarios.pod_kill import PodKill
from kindgate.scenarios.pressure import MEMORY_PERCENT, Pressure
from kindgate.scenarios.targets import named_workloads

Fault = Literal[
    "kill-pod",
    "kill-pods",
    "kill-container",
    "kill-containers",
    "kill-ingress",
    "drain",
    "pause-node",
    "stop-node",
    "kill-kubelet",
    "lose-dns",
    "partition",
    "packet-loss",
    "cpu-pressure",
    "memory-pressure",
]
LASTING: frozenset[Fault] = frozenset(
    {"pause-node", "stop-node", "kill-kubelet", "lose-dns", "partition", "packet-loss", "cpu-pressure", "memory-pressure"}
)
"""Faults that last for a time, and then end by themselves."""


@dataclass(frozen=True)
class ChaosRequest:
    """One call of `kindgate scenario chaos`; `now` is without a grace period, `node` the node to act on, `seconds` a fault's duration.

    `percent` of the packets of `direction`, from or to the workloads `peers` or all, are lost by `packet-loss`; `memory-pressure`
    fills that share of the memory.
    """

    fault: Fault
    workloads: tuple[str, ...] = ()
    now: bool = False
    json_file: Path | None = None
    node: str = ""
    seconds: float | None = None
    percent: int | None = None
    direction: Direction = "both"
    peers: tuple[str, ...] = ()
    scenario: ClassVar[str] = "chaos"

    def __post_init__(self) -> None:
        if self.now and self.fault not in {"kill-pod", "kill-pods", "kill-ingress"}:
            raise SettingsError(f"--now is about pods that are killed, not about {self.fault}")
        if self.node and self.fault not in {"drain", *NODE_FAULTS}:
            raise SettingsError(f"--node is about faults of nodes, not about {self.fault}")
        if self.seconds is not None and self.fault not in LASTING:
            raise SettingsError(f"--for is about faults that last, not about {self.fault}")
        if self.percent is not None and self.fault not in {"packet-loss", "memory-pressure"}:
            raise SettingsError(f"--percent is about packet-loss and memory-pressure, not about {self.fault}")
        if (self.peers or self.direction != "both") and self.fault not in {"partition", "packet-loss"}:
            raise SettingsError(f"--peer and --direction are about faults of the network, not about {self.fault}")

    def action(self, cluster: RunningCluster, workloads: tuple[ObjectRef, ...]) -> Action:
        """The action that was requested."""
        address, engine = cluster.address, cluster.engine
        seconds = FAULT_SECONDS if self.seconds is None else self.seconds
        match self.fault:
            case "drain":
                action: Action = Drain(address, workloads, self.node)
            case "pause-node" | "stop-node" | "kill-kubelet":
                action = NodeOutage(address, workloads, engine, self.fault, node=self.node, seconds=seconds)
            case "lose-dns":
                action = DnsLoss(address, workloads, seconds=seconds)
            case "partition" | "packet-loss":
                peers = named_workloads(self.peers, cluster.rendered)
                percent = EVERYTHING if self.fault == "partition" else LOSS_PERCENT if self.percent is None else self.percent
                action = NetworkFault(address, workloads, engine, percent=percent, direction=self.direction, peers=peers, seconds=seconds)
            case "cpu-pressure" | "memory-pressure":
                share = MEMORY_PERCENT if self.percent is None else self.percent
                action = Pressure(address, workloads, engine, self.fault, percent=share, seconds=seconds)
            case "kill-ingress":
                action = PodKill(address, ingress_controller(cluster), all_pods=True, now=self.now, name=self.fault)
            case "kill-container" | "kill-containers":
                action = ContainerKill(address, workloads, engine, all_pods=self.fault == "kill-containers")
            case "kill-pod" | "kill-pods":
                action = PodKill(address, workloads, all_pods=self.fault == "kill-pods", now=self.now)
        return action
