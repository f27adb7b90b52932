"""The run's environment: the stages that a test can request, what each provides, and how to use a kept cluster.

All of it is plain data, which is sent between processes.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kindgate.model import ClusterAddress, Rendered

if TYPE_CHECKING:
    from kindgate.deploy.baseline import Baseline
    from kindgate.deploy.entries import Entry
    from kindgate.host.container_engine import Engine
    from kindgate.load.own_cpu import OwnCpu


class Stage(enum.IntEnum):
    """How far the pipeline must get; each stage includes those before it."""

    CLUSTER = 1
    APP = 2
    MONITORING = 3


@dataclass(frozen=True)
class VersionSwap:
    """Result of swapping two versions; `done` describes what was done.

    `placement` describes how their pods are placed differently since then; empty if they are placed alike.
    """

    done: str
    placement: str = ""


@dataclass(frozen=True)
class Environment:
    """The environment at a stage.

    `monitoring` is None until Prometheus is requested, then whether it is usable; `monitoring_note` states why not.
    `measurements` is the folder for bursts, which workers share; a killed worker loses nothing.
    `deployed`: the application was applied and became ready. `engine` runs the nodes' containers, None for an existing
    cluster. `entries` are the paths by which requests enter the application. `base` is the baseline deployed alongside, if
    there is one; `placement` describes how the pods of the two are placed differently, empty if they are placed alike.
    `own_cpu` separates the CPU time of the run and its cluster from other programs on this machine; None if the nodes' CPU time
    cannot be read here.
    """

    address: ClusterAddress
    rendered: Rendered
    kubectl: Path
    artifacts: Path
    measurements: Path
    monitoring: bool | None = None
    monitoring_note: str = ""
    kind: Path | None = None
    engine: Engine | None = None
    deployed: bool = False
    base: Baseline | None = None
    entries: tuple[Entry, ...] = ()
    placement: str = ""
    own_cpu: OwnCpu | None = None


def kept_lines(address: ClusterAddress, namespaces: Sequence[str], kubectl: str, command: str) -> tuple[str, ...]:
    """Lines on how to inspect a kept cluster, rerun on it, and delete it; `command` is the command of this run."""
    name = shlex.quote(address.name)
    in_first_namespace = f" --namespace {namespaces[0]}" if namespaces else ""
    kubectl_command = shlex.quote(kubectl)
    return (
        f"cluster {address.name} was kept. To inspect it:",
        f"  export KUBECONFIG={shlex.quote(str(address.kubeconfig))}",
        f"  {kubectl_command} get pods --all-namespaces",
        f"  {kubectl_command}{in_first_namespace} get events --sort-by=.lastTimestamp",
        f"  {kubectl_command} get namespaces --selector kindgate.dev/test    # of failed tests",
        f"or, with KUBECONFIG and kubectl set up:  kindgate shell --cluster-name {name}",
        f"to rerun on it:  {command}",
        f"to delete it:  kindgate down --cluster-name {name}",
    )
