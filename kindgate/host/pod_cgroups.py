"""The control groups of pods on nodes in containers, and the CPU time, memory and traffic that they report (cgroups(7)).

The kubelet gives every pod a group below its node's, named after the pod's UID: `podUID` (cgroupfs), or
`kubelet-kubepods-burstable-podU_I_D.slice` (systemd). All of a pod's containers are in it, restarted ones included.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.host.cgroups import Cgroup

_POD = re.compile(r"pod(?P<uid>[0-9a-f]+(?:[-_][0-9a-f]+)*)(?:\.slice)?$")
"""The end of the name of a pod's group. The UID of a static pod is a hash without separators."""

_DEPTH = 6
"""Levels below a node's group in which a pod's group is searched for: the kubelet uses at most four."""


@dataclass(frozen=True)
class PodGroup:
    """A pod's control groups: its CPU group, and its `memory` folder (the same folder in v2; None if it is not visible).

    `proc` is the mount point of procfs.
    """

    cpu: Cgroup
    memory: Path | None
    proc: Path = Path("/proc")

    def cpu_seconds(self) -> float:
        """CPU seconds used by the pod so far. Raises `OSError` or `ValueError` if the pod is gone."""
        return self.cpu.cpu_seconds()

    def working_set(self) -> int | None:
        """Bytes that the kernel cannot reclaim without swapping, as the kubelet counts them: usage minus inactive file pages.

        None if they cannot be read.
        """
        if self.memory is None:
            return None
        v1 = self.cpu.usage.name != "cpu.stat"
        used_name, inactive_name = ("memory.usage_in_bytes", "total_inactive_file") if v1 else ("memory.current", "inactive_file")
        try:
            used = int((self.memory / used_name).read_text(encoding="utf-8"))
            fields = dict(line.split(" ", 1) for line in (self.memory / "memory.stat").read_text(encoding="utf-8").splitlines())
            return max(0, used - int(fields.get(inactive_name, "0")))
        except (OSError, ValueError):
            return None

    def traffic(self) -> tuple[int, int] | None:
        """Bytes that the pod received and sent so far, loopback excluded; None if its network cannot be read."""
        process = next(self._processes(), None)
        if process is None:
            return None
        try:
            lines = (self.proc / str(process) / "net/dev").read_text(encoding="utf-8").splitlines()[2:]
            counters = [(name.strip(), values.split()) for name, _, values in (line.partition(":") for line in lines)]
            outside = [(int(values[0]), int(values[8])) for name, values in counters if name != "lo"]
        except (OSError, ValueError, IndexError):
            return None
        return sum(received for received, _ in outside), sum(sent for _, sent in outside)

    def _processes(self) -> Iterator[int]:
        """PIDs in the pod's containers, one group after the other."""
        for folder, folders, _ in os.walk(self.cpu.usage.parent):
            folders.sort()
            try:
                yield from (int(pid) for pid in (Path(folder) / "cgroup.procs").read_text(encoding="utf-8").split() if pid != "0")
            except (OSError, ValueError):
                continue


def pod_groups(nodes: Sequence[Cgroup], uids: Collection[str], root: Path = Path("/")) -> Mapping[str, PodGroup]:
    """The groups of the pods with these UIDs on `nodes`; a pod whose group is not visible here is left out.

    `root` is the parent of `/proc` and `/sys`.
    """
    names = {spelling: uid for uid in uids for spelling in (uid, uid.replace("-", "_"))}
    groups: dict[str, PodGroup] = {}
    for node in nodes:
        top = node.usage.parent
        for folder in _pod_folders(top):
            uid = names.get(_POD.sub(r"\g<uid>", folder.name[folder.name.rindex("pod") :]))
            if uid is not None:
                path = f"{node.path}/{folder.relative_to(top).as_posix()}"
                cpu = Cgroup(path, folder / node.usage.name)
                groups[uid] = PodGroup(cpu, _memory_folder(cpu, root), root / "proc")
    return groups


def _pod_folders(top: Path) -> Iterator[Path]:
    """Folders of pods below a node's group; the groups of their containers are not entered."""
    for folder, folders, _ in os.walk(top):
        pods = [name for name in folders if _POD.search(name)]
        yield from (Path(folder, name) for name in pods)
        deeper = len(Path(folder).relative_to(top).parts) < _DEPTH
        folders[:] = [name for name in folders if name not in pods] if deeper else []


def _memory_folder(cpu: Cgroup, root: Path) -> Path | None:
    """The folder with the group's memory figures: its own in v2, the one of the same path in v1's memory hierarchy."""
    if cpu.usage.name == "cpu.stat":
        return cpu.usage.parent
    memory = cpu.in_hierarchy("memory", root)
    return memory if memory is not None and memory.is_dir() else None
