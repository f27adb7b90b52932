"""A node's own containerd runs briefly on the node's files, and is always ended."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from kindgate.errors import CommandFailed, ImageError
from kindgate.images.build.preload import preload
from kindgate.waiting import Deadline

LISTENS = 'echo $$ > "$(dirname "$0")/pid"; exec sleep 60'


ANSWERS = 'test -s "$(dirname "$0")/pid" || exit 1; '


def root_with(folder: Path, containerd: str, ctr: str) -> Path:
    """A root filesystem with these two programs."""
    programs = folder / "root/usr/local/bin"
    programs.mkdir(parents=True)
    for name, text in (("containerd", containerd), ("ctr", ctr)):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    return folder / "root"


def test_the_archive_is_imported_packed_and_containerd_stopped(tmp_path: Path, deadline: Deadline) -> None:
    """The store is the node's own, so kind's nodes find the images there."""
    root = root_with(tmp_path, LISTENS, ANSWERS + f'echo "$@" >> {tmp_path}/calls; echo docker.io/library/one:1')

    preload(root, tmp_path / "images.tar", deadline)

    calls = (tmp_path / "calls").read_text()
    assert f"--namespace k8s.io images import --no-unpack {tmp_path}/images.tar" in calls
    assert not psutil.pid_exists(int((root / "usr/local/bin/pid").read_text()))
    assert not deadline.expired


def test_a_failing_containerd_is_quoted(tmp_path: Path, deadline: Deadline) -> None:
    """A containerd that exits is an error immediately, with its message."""
    root = root_with(tmp_path, "echo no such plugin >&2; exit 3", "exit 1")

    with pytest.raises(ImageError, match="fails to start") as caught:
        preload(root, tmp_path / "images.tar", deadline)

    assert "no such plugin" in caught.value.last_state


def test_a_failed_import_stops_containerd_too(tmp_path: Path, deadline: Deadline) -> None:
    """After a failed import, no process is left."""
    root = root_with(tmp_path, LISTENS, ANSWERS + 'case "$*" in *import*) echo bad digest >&2; exit 1;; esac')

    with pytest.raises(CommandFailed, match="import"):
        preload(root, tmp_path / "images.tar", deadline)

    assert not psutil.pid_exists(int((root / "usr/local/bin/pid").read_text()))
    assert not deadline.expired


def test_an_empty_import_is_an_error(tmp_path: Path, deadline: Deadline) -> None:
    """A node without images would fail minutes later, in kubeadm."""
    with pytest.raises(ImageError, match="imported no image"):
        preload(root_with(tmp_path, LISTENS, ANSWERS + "exit 0"), tmp_path / "images.tar", deadline)
