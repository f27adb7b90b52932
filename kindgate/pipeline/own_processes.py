"""Find the run's own processes on this machine, and the cgroups of its cluster's nodes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kindgate.errors import KindgateError
from kindgate.host.cgroups import cgroup_of_container
from kindgate.host.container_engine import Engine
from kindgate.load.own_cpu import OwnCpu
from kindgate.waiting import Deadline


def find_own_processes(engine: Engine, nodes: Sequence[str], deadline: Deadline, root: Path = Path("/")) -> OwnCpu | None:
    """The run owned by this process, on a cluster of the containers `nodes`.

    None if the CPU time of a node cannot be read here, because the engine or its virtual machine is elsewhere. `root` is
    the parent of `/proc` and `/sys`.
    """
    try:
        inspected = engine.run("container", "inspect", "--format", "{{.Id}} {{.State.Pid}}", *nodes, deadline=deadline, check=False)
    except KindgateError:
        return None
    pairs = [line.split() for line in inspected.stdout.splitlines() if line.strip()]
    if inspected.returncode != 0 or len(pairs) != len(nodes) or not all(len(pair) == 2 and pair[1].isdigit() for pair in pairs):
        return None
    nodes_cgroups = [cgroup_of_container(container, int(pid), root) for container, pid in pairs]
    cgroups = tuple(group for group in nodes_cgroups if group is not None)
    return OwnCpu(os.getpid(), cgroups, root / "proc") if nodes and len(cgroups) == len(nodes) else None
