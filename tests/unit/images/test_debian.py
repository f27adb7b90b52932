"""Missing packages are installed if possible; debootstrap creates the root filesystem without the parts nodes do not need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kindgate.errors import CommandFailed, ImageError
from kindgate.images.build.catalogue import Debian
from kindgate.images.build.debian import install_packages, root_filesystem
from kindgate.waiting import Deadline

DEBIAN = Debian(suite="bookworm", packages=("systemd", "iptables"))


class Machine:
    """A machine whose PATH is a single folder; every program in it records its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, program: str, script: str = "") -> None:
        """Install a program."""
        path = self.folder / program
        path.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "{program} $*" >> "{self.folder}/calls"\n{script}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        """Return the recorded command lines."""
        log = self.folder / "calls"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine of root without programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return Machine(folder)


def test_missing_packages_are_reported_and_installed(machine: Machine, deadline: Deadline) -> None:
    """Programs are searched on PATH and files in their location; existing ones are not installed again."""
    machine.has("apt-get")
    machine.has("debootstrap")
    messages: list[str] = []

    install_packages(
        {"debootstrap": "debootstrap", "gcc": "gcc", "/gone/libc.a": "libc6-dev", "/": "base-files"}, messages.append, deadline
    )

    assert machine.calls() == ["apt-get install -y -qq --no-install-recommends gcc libc6-dev"]
    assert messages[0] == "installing the Debian packages gcc, libc6-dev on this machine"


def test_missing_package_lists_are_fetched_first(machine: Machine, deadline: Deadline) -> None:
    """Container images come without package lists, so they are downloaded first."""
    machine.has("apt-get", f'case "$1" in update) touch {machine.folder}/lists;; *) test -e {machine.folder}/lists;; esac')

    install_packages({"gcc": "gcc"}, print, deadline)

    assert [line.split()[1] for line in machine.calls()] == ["install", "update", "install"]


def test_packages_are_named_if_they_cannot_be_installed(machine: Machine, deadline: Deadline, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another system or without root, the error lists the packages."""
    with pytest.raises(ImageError, match="lacks gcc"):
        install_packages({"gcc": "gcc"}, print, deadline)
    machine.has("apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(ImageError, match="lacks gcc") as caught:
        install_packages({"gcc": "gcc"}, print, deadline)

    assert caught.value.next_step == "install the packages gcc"
    assert machine.calls() == []


def test_a_root_filesystem_is_built_once_from_the_machines_mirror(machine: Machine, tmp_path: Path, deadline: Deadline) -> None:
    """Manuals and package lists are excluded; a second call runs nothing."""
    machine.has("apt-get", 'test "$1" = indextargets && echo mirror://local/debian Debian Debian')
    machine.has("debootstrap")
    machine.has("unshare", 'for last; do root="$path"; path="$last"; done; mkdir -p "$root/usr/share/man" "$root/etc"')

    root = root_filesystem(DEBIAN, tmp_path / "debian", print, deadline)
    calls = machine.calls()
    second = root_filesystem(DEBIAN, tmp_path / "debian", print, deadline)

    assert root == second
    assert machine.calls() == calls
    assert sorted(path.name for path in root.rglob("*")) == ["etc", "share", "usr"]
    call = next(line for line in calls if line.startswith("unshare"))
    assert "--include=systemd,iptables bookworm" in call
    assert call.endswith(" mirror://local/debian")
    assert "--force-check-gpg" in call


@pytest.mark.parametrize(("package", "kept"), [("tzdata", True), ("systemd", False)])
def test_time_zones_are_kept_if_they_are_requested(package: str, kept: bool, machine: Machine, tmp_path: Path, deadline: Deadline) -> None:  # noqa: FBT001
    """Every Debian has them, but nodes do not need their 3 MB."""
    machine.has("apt-get")
    machine.has("debootstrap")
    machine.has("unshare", 'for last; do path="$last"; done; mkdir -p "$path/usr/share/zoneinfo"')

    root = root_filesystem(Debian(suite="bookworm", packages=(package,)), tmp_path / "debian", print, deadline)

    assert (root / "usr/share/zoneinfo").exists() is kept


def test_a_failed_debootstrap_leaves_nothing(machine: Machine, tmp_path: Path, deadline: Deadline) -> None:
    """The next run starts from scratch."""
    machine.has("apt-get")
    machine.has("debootstrap")
    machine.has("unshare", 'echo "E: Failed getting release file" >&2; exit 1')

    with pytest.raises(CommandFailed, match="debootstrap") as caught:
        root_filesystem(DEBIAN, tmp_path / "debian", print, deadline)

    assert "Failed getting release file" in caught.value.last_state
    assert not [path for path in (tmp_path / "debian").iterdir() if not path.name.endswith(".lock")]
