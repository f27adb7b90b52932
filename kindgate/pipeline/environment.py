"""A run's environment, which grows by stage: a running cluster, the application deployed into it, Prometheus next to both.

Each stage holds the one before. All of it is plain data, which is sent between processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from kindgate.model import ClusterAddress, Rendered

if TYPE_CHECKING:
    from kindgate.deploy.baseline import Baseline
    from kindgate.deploy.entries import Entry
    from kindgate.host.container_engine import Engine
    from kindgate.load.own_cpu import OwnCpu
    from kindgate.workload.burst_plan import LoadedWorkload


@dataclass(frozen=True)
class RunningCluster:
    """A usable cluster with its images loaded, and the manifests for it: `rendered`, and `base` if there is a baseline.

    `namespaces` are those of everything that the run applies. `measurements` is the folder for bursts, which workers
    share; a killed worker loses nothing. `kind` created the cluster and `engine` runs its nodes; both are None for an
    existing cluster. `own_cpu` separates the CPU time of the run and its cluster from other programs on this machine; None
    if the nodes' CPU time cannot be read here. `workload` is the SLO file's.
    """

    address: ClusterAddress
    rendered: Rendered
    kubectl: Path
    artifacts: Path
    measurements: Path
    base: Baseline | None = None
    kind: Path | None = None
    engine: Engine | None = None
    own_cpu: OwnCpu | None = None
    workload: LoadedWorkload | None = None
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeployedApplication:
    """The application, applied, ready and responding; so is the baseline, if there is one.

    `entries` are the paths by which requests enter the application. `placement` describes how the pods of the two versions
    were placed differently when they were deployed, empty if they were placed alike; a swap reports its own. `notes` are
    about the paths that are judged.
    """

    cluster: RunningCluster
    entries: tuple[Entry, ...] = ()
    placement: str = ""
    notes: tuple[str, ...] = ()

    @property
    def address(self) -> ClusterAddress:
        """The address of the application's cluster."""
        return self.cluster.address

    @property
    def rendered(self) -> Rendered:
        """The application's manifests."""
        return self.cluster.rendered


@dataclass(frozen=True)
class MonitoredApplication:
    """The application once Prometheus was waited for; `missing_prometheus` states why it cannot be used, empty if it can."""

    application: DeployedApplication
    missing_prometheus: str = ""

    @property
    def has_prometheus(self) -> bool:
        """Whether Prometheus responds and has scraped all its targets."""
        return not self.missing_prometheus


Environment: TypeAlias = RunningCluster | DeployedApplication | MonitoredApplication
"""A run's environment at the last stage that it has reached."""

StageT = TypeVar("StageT", bound=Environment)


def find_stage(environment: Environment | None, stage: type[StageT]) -> StageT | None:
    """The part of `environment` that is `stage`; None if that stage has not been reached."""
    if environment is None or isinstance(environment, stage):
        return environment
    match environment:
        case MonitoredApplication():
            return find_stage(environment.application, stage)
        case DeployedApplication():
            return find_stage(environment.cluster, stage)
        case _:
            return None


def stage_of(environment: Environment, stage: type[StageT]) -> StageT:
    """The part of `environment` that is `stage`; raises `LookupError` if that stage has not been reached."""
    found = find_stage(environment, stage)
    if found is None:
        raise LookupError(f"the environment is a {type(environment).__name__}, not yet a {stage.__name__}")
    return found


def cluster_of(environment: Environment) -> RunningCluster:
    """The cluster of an environment at any stage."""
    match environment:
        case RunningCluster():
            return environment
        case DeployedApplication():
            return environment.cluster
        case MonitoredApplication():
            return environment.application.cluster


@dataclass(frozen=True)
class VersionSwap:
    """Result of swapping two versions; `done` describes what was done.

    `placement` describes how their pods are placed differently since then; empty if they are placed alike.
    """

    done: str
    placement: str = ""
