"""Which CPU time of this machine is the run's own. What is left of the machine's is that of other programs.

The run's own are the process tree of the run (pytest with its workers, generators and tools), the container engine's
programs, and the containers of the cluster's nodes with all pods in them.
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
"""Docker's and Podman's programs, by the fifteen characters of a name that the kernel keeps."""

_PARENT, _USER, _REAPED, _STARTED = 1, 11, 13, 19
"""Fields of `/proc/PID/stat` after the name: utime and stime, then cutime and cstime (proc(5), fields 4, 14 to 17 and 22)."""

_Key = tuple[int, int]
"""A process by its id and start time: ids are used again."""


@dataclass(frozen=True)
class OwnTimes:
    """CPU time in seconds that the run had used at one moment.

    `tree` are processes of the run's tree, with the time of children that have ended and were waited for; `engine` are the
    engine's programs without that: a shim also waits for processes of its container. `nodes` are the groups of the nodes.
    """

    tree: Mapping[_Key, float]
    engine: Mapping[_Key, float]
    nodes: tuple[float, ...]

    def since(self, before: OwnTimes) -> float:
        """CPU time in seconds that the run has used since `before`.

        A process of the tree that has ended is in its parent's time with its whole life, of which `before` knows a part.
        """
        tree = sum(self.tree.values()) - sum(before.tree.values())
        engine = sum(seconds - before.engine.get(key, 0.0) for key, seconds in self.engine.items())
        nodes = sum(max(0.0, now - then) for now, then in zip(self.nodes, before.nodes, strict=True))
        return max(0.0, tree) + engine + nodes


@dataclass(frozen=True)
class Ours:
    """The run on this machine: its first `process`, and the groups of its `nodes`. Plain data, which travels to workers.

    `proc` is where the kernel shows processes.
    """

    process: int
    nodes: tuple[Cgroup, ...]
    proc: Path = Path("/proc")

    def now(self, before: OwnTimes | None = None) -> OwnTimes | None:
        """What the run has used by now; None where it cannot be read, as when a node's container is gone.

        Processes that were in the tree at `before` still count when their parent has ended.
        """
        try:
            nodes = tuple(node.cpu_seconds() for node in self.nodes)
            processes = {process.pid: process for process in _processes(self.proc)}
        except (OSError, ValueError):
            return None
        kept = before.tree if before is not None else {}
        tree = _descendants(self.process, processes) | {process.pid for process in processes.values() if process.key in kept}
        engine = [process for process in processes.values() if process.name in ENGINE_PROGRAMS and process.pid not in tree]
        return OwnTimes(
            tree={processes[pid].key: processes[pid].used + processes[pid].reaped for pid in tree},
            engine={process.key: process.used for process in engine if not self._in_a_node(process.pid)},
            nodes=nodes,
        )

    def _in_a_node(self, pid: int) -> bool:
        """Whether a process is in a node's container: a node has a containerd of its own, which its group counts."""
        try:
            membership = (self.proc / str(pid) / "cgroup").read_text(encoding="utf-8")
        except OSError:
            return False
        return any(node.holds(membership) for node in self.nodes)


@dataclass(frozen=True)
class _Process:
    """A process; `used` and `reaped` (of its children that were waited for) in seconds."""

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
        """From `/proc/PID/stat`; the name stands in parentheses and may hold any of them itself."""
        head, _, rest = stat.rpartition(")")
        fields = [int(field) if place else 0 for place, field in enumerate(rest.split()[: _STARTED + 1])]
        ticks = os.sysconf("SC_CLK_TCK")
        used, reaped = (sum(fields[first : first + 2]) / ticks for first in (_USER, _REAPED))
        return cls(pid, fields[_PARENT], head.partition("(")[2], fields[_STARTED], used, reaped)


def _processes(proc: Path) -> Iterator[_Process]:
    """Every process that this user may see. Raises `OSError` where there are none to be seen."""
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                yield _Process.parse(int(folder.name), stat)
            except (OSError, ValueError, IndexError):  # it has ended meanwhile
                continue


def _descendants(first: int, processes: Mapping[int, _Process]) -> set[int]:
    """`first` and all processes below it, as far as they are there."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = [first]
    while waiting:
        pid = waiting.pop()
        if pid in processes and pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found
