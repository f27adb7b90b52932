"""What a test can ask the pipeline for, and what it gets: plain data that travels between processes."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kindgate.model import ClusterAddress, Rendered

if TYPE_CHECKING:
    from kindgate.deploy.beside import Beside
    from kindgate.deploy.entries import Entry
    from kindgate.host.engine import Engine
    from kindgate.load.ours import Ours


class Stage(enum.IntEnum):
    """How far the pipeline has to have come; each stage includes those before it."""

    CLUSTER = 1
    APP = 2
    MONITORING = 3


@dataclass(frozen=True)
class Exchange:
    """What was done so that two versions changed places: `done` in words.

    `placement` says how the pods of the two are placed unlike each other since, and is empty where they are placed alike.
    """

    done: str
    placement: str = ""


@dataclass(frozen=True)
class Provisioned:
    """What stands when a stage is reached.

    `monitoring` is None until Prometheus was asked for, then whether it answers; `monitoring_note` says why not.
    `measurements` is the folder in which bursts are kept, so that workers share them and a killed one loses nothing.
    `deployed` says whether the application was applied and became ready; `engine` is where the nodes' containers are,
    None for an existing cluster. `entries` are the paths by which requests enter the application. `base` is the version
    beside the application, where there is one to compare with; `placement` says how the pods of the two are placed unlike
    each other, and is empty where they are placed alike. `ours` tells the CPU time of the run and its cluster from that of
    other programs on this machine; None where the nodes' cannot be read here.
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
    base: Beside | None = None
    entries: tuple[Entry, ...] = ()
    placement: str = ""
    ours: Ours | None = None
