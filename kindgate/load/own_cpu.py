"""The run's own CPU time on this machine; the rest of the machine's CPU time belongs to other programs.

The run's own processes are its process tree (pytest with its workers, generators and tools), the container engine's
programs, and the containers of the cluster's nodes with all their pods.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kindgate.host.cgroups import Cgroup

ENGINE_PROGRAMS = frozenset(
    {
        *("dockerd", "containerd", "containerd-shim", "docker-proxy", "runc", "docker-init"),
        *("podman", "conmon", "crun", "netavark", "aardvark-dns", "fuse-overlayfs"),
        *("rootlesskit", "rootlessport", "rootlessport-ch", "slirp4netns", "pasta", "pasta.avx2", "vpnkit"),
    }
)
"""Docker's and Podman's programs; the kernel truncates names to fifteen characters."""

_PARENT, _USER, _REAPED, _STARTED = 1, 11, 13, 19
"""Indexes in `/proc/PID/stat` after the name: ppid, utime (stime follows), cutime (cstime follows), starttime (proc(5))."""

_Key = tuple[int, int]
"""A process by PID and start time, because PIDs are reused."""


@dataclass(frozen=True)
class OwnTimes:
    """CPU time in seconds that the run had used at one point in time.

    `tree` holds the run's processes, including children that exited and were waited for; `engine` holds the engine's
    programs without children, because a shim also waits for processes of its container. `nodes` holds the nodes' cgroups.
    """

    tree: Mapping[_Key, float]
    engine: Mapping[_Key, float]
    nodes: tuple[float, ...]

    def since(self, before: OwnTimes) -> float:
        """CPU time in seconds used by the run since `before`.

        The whole lifetime of an exited process of the tree is in its parent's time; `before` contains part of it.
        """
        tree = sum(self.tree.values()) - sum(before.tree.values())
        engine = sum(seconds - before.engine.get(key, 0.0) for key, seconds in self.engine.items())
        nodes = sum(max(0.0, after - earlier) for after, earlier in zip(self.nodes, before.nodes, strict=True))
        return max(0.0, tree) + engine + nodes


@dataclass(frozen=True)
class OwnCpu:
    """The run on this machine: its root `process` and the cgroups of its `nodes`. Plain data, sent to workers.

    `proc` is the mount point of procfs.
    """

    process: int
    nodes: tuple[Cgroup, ...]
    proc: Path = Path("/proc")

    def now(self, before: OwnTimes | None = None) -> OwnTimes | None:
        """CPU time used by the run so far; None if it cannot be read, for example because a node's container is gone.

        Processes in the tree at `before` still count after their parent has exited.
        """
        try:
            nodes = tuple(node.cpu_seconds() for node in self.nodes)
            processes = {process.pid: process for process in _visible_processes(self.proc)}
        except (OSError, ValueError):
            return None
        previous = before.tree if before is not None else {}
        tree = _descendants(self.process, processes) | {process.pid for process in processes.values() if process.key in previous}
        engine = [process for process in processes.values() if process.name in ENGINE_PROGRAMS and process.pid not in tree]
        return OwnTimes(
            tree={processes[pid].key: processes[pid].used + processes[pid].reaped for pid in tree},
            engine={process.key: process.used for process in engine if not self._is_in_node(process.pid)},
            nodes=nodes,
        )

    def _is_in_node(self, pid: int) -> bool:
        """Whether a process is in a node's container: each node has its own containerd, already counted in the node's cgroup."""
        try:
            membership = (self.proc / str(pid) / "cgroup").read_text(encoding="utf-8")
        except OSError:
            return False
        return any(node.holds(membership) for node in self.nodes)


@dataclass(frozen=True)
class _Process:
    """A process; `used` and `reaped` (children that were waited for) in seconds."""

    pid: int
    parent: int
    name: str
    started: int
    used: float
    reaped: float

    @property
    def key(self) -> _Key:
        return (self.pid, self.started)

    @classmethod
    def parse(cls, pid: int, stat: str) -> _Process:
        """Parse `/proc/PID/stat`; the name is in parentheses and can contain parentheses and spaces."""
        head, _, rest = stat.rpartition(")")
        fields = [int(field) if index else 0 for index, field in enumerate(rest.split()[: _STARTED + 1])]
        ticks = os.sysconf("SC_CLK_TCK")
        used, reaped = (sum(fields[first : first + 2]) / ticks for first in (_USER, _REAPED))
        return cls(pid, fields[_PARENT], head.partition("(")[2], fields[_STARTED], used, reaped)


def _visible_processes(proc: Path) -> Iterator[_Process]:
    """Every process visible to this user. Raises `OSError` if the list cannot be read."""
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                yield _Process.parse(int(folder.name), stat)
            except (OSError, ValueError, IndexError):  # exited in the meantime
                continue


def _descendants(first: int, processes: Mapping[int, _Process]) -> set[int]:
    """`first` and all its descendants that still exist."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    descendants: set[int] = set()
    waiting = [first]
    while waiting:
        pid = waiting.pop()
        if pid in processes and pid not in descendants:
            descendants.add(pid)
            waiting += children.get(pid, [])
    return descendants
