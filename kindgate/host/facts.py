"""Facts about this machine that decide a cluster's configuration and whether it can run at all."""

from __future__ import annotations

import os
import platform
import resource
import shlex
from dataclasses import dataclass
from pathlib import Path

import psutil

_CAP_SYS_RESOURCE = 24
"""Bit of the capability that raises resource limits (linux/capability.h)."""

_UNLIMITED_FILES = 1_048_576
"""Number of open files that kind's nodes and Docker's daemon treat as unlimited."""

_DEBIAN_FAMILY = frozenset({"debian", "ubuntu"})


@dataclass(frozen=True)
class HostFacts:
    """Facts about the machine that runs the engine's command (Docker Desktop runs the engine itself in a VM).

    `cgroup_version` is 0 without cgroups; `nofile_hard` is the hard limit of open files; sizes are in bytes;
    `inotify_watches` and `inotify_instances` are 0 without inotify.
    """

    system: str
    arch: str
    os_id: str
    os_codename: str
    cgroup_version: int
    nofile_hard: int
    cap_sys_resource: bool
    cpus: int
    memory: int
    root: bool
    inotify_watches: int = 0
    inotify_instances: int = 0

    @property
    def can_install_engine(self) -> bool:
        """Whether `kindgate engine install` works here: root on Debian or Ubuntu."""
        return self.root and self.os_id in _DEBIAN_FAMILY


def gather_facts(root: Path = Path("/")) -> HostFacts:
    """Read this machine's facts; `root` is the parent of `/proc`, `/sys` and `/etc`."""
    release = parse_os_release(_text(root / "etc/os-release"))
    return HostFacts(
        system=platform.system().lower(),
        arch=platform.machine().lower(),
        os_id=release.get("ID", ""),
        os_codename=release.get("VERSION_CODENAME", ""),
        cgroup_version=_cgroup_version(root / "sys/fs/cgroup"),
        nofile_hard=_nofile_hard(),
        cap_sys_resource=has_capability(_text(root / "proc/self/status"), _CAP_SYS_RESOURCE),
        cpus=_usable_cpus(),
        memory=psutil.virtual_memory().total,
        root=os.geteuid() == 0,
        inotify_watches=_number(root / "proc/sys/fs/inotify/max_user_watches"),
        inotify_instances=_number(root / "proc/sys/fs/inotify/max_user_instances"),
    )


def parse_os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file (man 5 os-release); other lines are ignored."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            values[name] = "".join(shlex.split(value))
        except ValueError:
            continue
    return values


def has_capability(status: str, bit: int) -> bool:
    """Whether the capability with this number is effective according to `/proc/PID/status`."""
    for line in status.splitlines():
        name, _, mask = line.partition(":")
        if name == "CapEff":
            return bool(int(mask.strip(), 16) >> bit & 1)
    return False


def _cgroup_version(folder: Path) -> int:
    """Only the unified hierarchy has a controller list at its root."""
    if not folder.is_dir():
        return 0
    return 2 if (folder / "cgroup.controllers").exists() else 1


def _nofile_hard() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED_FILES if hard == resource.RLIM_INFINITY else hard


def _usable_cpus() -> int:
    """CPUs available to this process; a CI job can be confined to fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _text(path: Path) -> str:
    """The file's text; empty if unreadable, because other systems have no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _number(path: Path) -> int:
    text = _text(path).strip()
    return int(text) if text.isdigit() else 0
