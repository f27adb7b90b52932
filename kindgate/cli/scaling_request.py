"""The change of load that a `kindgate scenario scaling` command requests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from kindgate.model import ObjectRef
from kindgate.pipeline.environment import RunningCluster
from kindgate.scenarios.autoscalers import autoscalers_of
from kindgate.scenarios.scaling import ScaleIn, ScaleOut

Direction = Literal["scale-out", "scale-in"]


@dataclass(frozen=True)
class ScalingRequest:
    """One episode of `kindgate scenario scaling`."""

    direction: Direction
    workloads: tuple[str, ...] = ()
    json_file: Path | None = None
    scenario: ClassVar[str] = "scaling"

    def action(self, cluster: RunningCluster, workloads: tuple[ObjectRef, ...]) -> ScaleOut | ScaleIn:
        """The action that was requested; raises `ScenarioError` if no autoscaler of the manifests scales one of `workloads`."""
        kind = ScaleOut if self.direction == "scale-out" else ScaleIn
        return kind(cluster.address, autoscalers_of(workloads, cluster.rendered))
