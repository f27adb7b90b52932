"""A container's control group on this machine, and the CPU time that all of its processes have used (cgroups(7)).

Only groups readable by this process count. An engine on another machine, or in another PID namespace, reports PIDs that
do not belong to the container here, so a group counts as the container's only if its path contains the container's ID.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/")
_NANOS, _MICROS = 1e9, 1e6
_V1, _V2 = "cpuacct.usage", "cpu.stat"
"""Files with the CPU time of a group and its descendants: nanoseconds in v1, microseconds in v2."""


@dataclass(frozen=True)
class Cgroup:
    """A control group: its `path` as in `/proc/PID/cgroup`, and the file with its CPU time."""

    path: str
    usage: Path

    def cpu_seconds(self) -> float:
        """CPU seconds of all current and past processes in the group or its descendants. Raises `OSError` or `ValueError` if unreadable."""
        text = self.usage.read_text(encoding="utf-8")
        if self.usage.name == _V1:
            return int(text) / _NANOS
        fields = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        if "usage_usec" not in fields:
            raise ValueError(f"{self.usage} reports no CPU time")
        return int(fields["usage_usec"]) / _MICROS

    def in_hierarchy(self, controller: str, root: Path = _ROOT) -> Path | None:
        """The folder of the group's path in the v1 hierarchy of `controller`; None if that is not mounted or its mounts are unreadable.

        Docker and the kubelet use one path in all hierarchies. `root` is the parent of `/proc` and `/sys`.
        """
        try:
            mounts = list(_mounts((root / "proc/self/mountinfo").read_text(encoding="utf-8")))
        except OSError:
            return None
        folders = (mount.folder_of(self.path, controller) for mount in mounts if controller in mount.controllers)
        return next((root / folder.lstrip("/") for folder in folders if folder is not None), None)

    def holds(self, membership: str) -> bool:
        """Whether the process whose `/proc/PID/cgroup` is `membership` is in the group or a descendant."""
        return any(path == self.path or path.startswith(f"{self.path}/") for _, path in _hierarchies(membership))


def cgroup_of_container(container: str, pid: int, root: Path = _ROOT) -> Cgroup | None:
    """The group of the container with the ID `container` and first process `pid`; None if it cannot be read here.

    The first process may have moved into a descendant, as systemd does. `root` is the parent of `/proc` and `/sys`.
    """
    try:
        membership = (root / f"proc/{pid}/cgroup").read_text(encoding="utf-8")
        mounts = list(_mounts((root / "proc/self/mountinfo").read_text(encoding="utf-8")))
    except OSError:
        return None
    hierarchies = dict(reversed(list(_hierarchies(membership))))
    for controller, name in (("cpuacct", _V1), ("", _V2)):
        path = _container_path(hierarchies.get(controller, ""), container)
        for mount in mounts if path else ():
            folder = mount.folder_of(path, controller)
            if folder is None:
                continue
            found = Cgroup(path, root / folder.lstrip("/") / name)
            if _readable(found):
                return found
    return None


@dataclass(frozen=True)
class _Mount:
    """A mounted hierarchy: `top` is the group mounted at `point`; `controllers` is empty for v2."""

    top: str
    point: str
    controllers: tuple[str, ...]

    def folder_of(self, path: str, controller: str) -> str | None:
        """The folder of the group `path`, if it is visible in this mount."""
        if controller not in (self.controllers or ("",)):
            return None
        if self.top == "/":
            return self.point + path
        if path == self.top or path.startswith(f"{self.top}/"):
            return self.point + path[len(self.top) :]
        return None


def _mounts(text: str) -> Iterator[_Mount]:
    """The mounted hierarchies in a mountinfo file (proc(5)): ID PARENT DEVICE ROOT POINT OPTIONS ... - TYPE SOURCE SUPER-OPTIONS."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        mount, file_system = before.split(), after.split()
        if len(mount) > 4 and len(file_system) > 2 and file_system[0] in {"cgroup", "cgroup2"}:
            yield _Mount(mount[3], mount[4], tuple(file_system[2].split(",")) if file_system[0] == "cgroup" else ())


def _hierarchies(membership: str) -> Iterator[tuple[str, str]]:
    """Each controller with the group's path in its hierarchy; v2 has the empty name."""
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if colon:
            yield from ((controller, path) for controller in controllers.split(","))


def _container_path(path: str, container: str) -> str:
    """`path` up to the component with the container's ID; empty if there is none or the path is outside of this process's namespace."""
    parts = path.split("/")
    if ".." in parts or not container:
        return ""
    position = next((position for position, part in enumerate(parts) if container in part), None)
    return "" if position is None else "/".join(parts[: position + 1])


def _readable(group: Cgroup) -> bool:
    try:
        group.cpu_seconds()
    except (OSError, ValueError):
        return False
    return True
