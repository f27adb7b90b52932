"""Debian: packages that building needs on this machine, and root filesystems for nodes and images."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from kindgate.errors import CommandFailed, ImageError
from kindgate.host.binaries import host_platform
from kindgate.host.command import run
from kindgate.host.debian_packages import KEYRING, configured_mirror
from kindgate.host.heartbeat import heartbeat
from kindgate.images.build.catalogue import Debian
from kindgate.images.build.store import make_once
from kindgate.progress import Progress
from kindgate.waiting import Deadline

_NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/bash-completion",
               "var/cache/apt", "var/cache/debconf", "var/lib/apt/lists", "var/log/apt")  # fmt: skip
_TIME_ZONES = "usr/share/zoneinfo"
ROOT_SECONDS = 60.0
"""Seconds that a root filesystem takes on two idle cores."""

_NONINTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive"}


def root_filesystem(debian: Debian, folder: Path, progress: Progress, deadline: Deadline) -> Path:
    """A Debian root filesystem with the packages, in a folder that is made once and must not be changed.

    It has no documentation, and time zones only if tzdata is one of the packages.
    Raises `CommandFailed` with the end of debootstrap's output.
    """
    key = hashlib.sha256(f"{debian.key} {host_platform()}".encode()).hexdigest()[:16]

    def make(path: Path) -> None:
        install_packages({"debootstrap": "debootstrap", KEYRING: "debian-archive-keyring"}, progress, deadline)
        job = f"Debian {debian.suite}: building a root filesystem with {_listed(debian.packages)}"
        with heartbeat(progress, job, expected=ROOT_SECONDS):
            _debootstrap(debian, path, deadline)
            for name in (*_NOT_NEEDED, *(() if "tzdata" in debian.packages else (_TIME_ZONES,))):
                shutil.rmtree(path / name, ignore_errors=True)

    return make_once(folder / f"{debian.suite}-{key}", make, deadline)


def install_packages(needed: Mapping[str, str], progress: Progress, deadline: Deadline) -> None:
    """Install the Debian packages whose program (on PATH) or file (an absolute path) is missing on this machine.

    `needed` maps program or file to package. Reports the packages first. Raises `ImageError` if installing is not
    allowed or fails.
    """
    missing = sorted({package for requirement, package in needed.items() if not _is_present(requirement)})
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ImageError(f"this machine lacks {', '.join(missing)}", next_step=f"install the packages {' '.join(missing)}")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    with heartbeat(progress, f"installing the Debian packages {', '.join(missing)} on this machine"):
        try:
            run(install, env=_NONINTERACTIVE, deadline=deadline)
        except CommandFailed:
            # a machine without package lists, as in container images, finds nothing before an update
            run(["apt-get", "update", "-qq"], env=_NONINTERACTIVE, deadline=deadline)
            run(install, env=_NONINTERACTIVE, deadline=deadline)


def _listed(packages: Sequence[str]) -> str:
    return ", ".join(packages) if len(packages) <= 3 else f"{len(packages)} packages"


def in_root(root: Path, command: Sequence[str], deadline: Deadline) -> str:
    """The output of a command run with `root` as its root filesystem."""
    return run(
        ["chroot", root, *command], env={"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, deadline=deadline
    ).stdout


def _is_present(requirement: str) -> bool:
    return Path(requirement).exists() if requirement.startswith("/") else shutil.which(requirement) is not None


def _debootstrap(debian: Debian, path: Path, deadline: Deadline) -> None:
    # in separate namespaces: debootstrap's mounts below `path`, and servers that a package starts, end with it
    namespaces = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    command = [*namespaces, "debootstrap", "--variant=minbase", "--force-check-gpg"]
    mirror = configured_mirror(deadline)
    run(
        [*command, f"--include={','.join(debian.packages)}", debian.suite, path, *([mirror] if mirror else [])],
        env=_NONINTERACTIVE,
        deadline=deadline,
    )
