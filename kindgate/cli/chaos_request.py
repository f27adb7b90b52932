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
from kindgate.scenarios.drain import Drain
from kindgate.scenarios.pod_kill import PodKill

Fault = Literal["kill-pod", "kill-pods", "kill-container", "kill-containers", "kill-ingress", "drain"]


@dataclass(frozen=True)
class ChaosRequest:
    """One call of `kindgate scenario chaos`; `now` is without a grace period."""

    fault: Fault
    workloads: tuple[str, ...] = ()
    now: bool = False
    json_file: Path | None = None
    scenario: ClassVar[str] = "chaos"

    def __post_init__(self) -> None:
        if self.now and self.fault not in {"kill-pod", "kill-pods", "kill-ingress"}:
            raise SettingsError(f"--now is about pods that are killed, not about {self.fault}")

    def action(self, cluster: RunningCluster, workloads: tuple[ObjectRef, ...]) -> Action:
        """The action that was requested."""
        address = cluster.address
        if self.fault == "drain":
            return Drain(address, workloads)
        if self.fault == "kill-ingress":
            return PodKill(address, ingress_controller(cluster), all_pods=True, now=self.now, name=self.fault)
        if self.fault.startswith("kill-container"):
            return ContainerKill(address, workloads, cluster.engine, all_pods=self.fault == "kill-containers")
        return PodKill(address, workloads, all_pods=self.fault == "kill-pods", now=self.now)
