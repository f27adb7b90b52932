"""Edits to kind's files as in its Dockerfile, the detection of an unexpected version, and the import of images."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import yaml

from kindgate.errors import CommandFailed, ImageError
from kindgate.images.build.catalogue import Storage
from kindgate.images.build.rootfs import import_images, storage_manifest, write_manifests
from kindgate.waiting import Deadline

STORAGE = Storage(provisioner="docker.io/me/provisioner:1", helper="docker.io/me/helper:2")
SOURCE = """\
package nodeimage

const storageProvisionerImage = "docker.io/kindest/a:1"

const defaultStorageManifest = `
kind: Deployment
image: ` + storageProvisionerImage + `
helper: ` + storageHelperImage + `
`

const another = `
kind: Other
`
"""

LISTENS = 'echo $$ > "$(dirname "$0")/pid"; exec sleep 60'
ANSWERS = 'test -s "$(dirname "$0")/pid" || exit 1; '


def test_the_storage_manifest_names_the_catalogues_images() -> None:
    """The constant ends where the next one begins."""
    assert yaml.safe_load(storage_manifest(SOURCE, STORAGE)) == {
        "kind": "Deployment",
        "image": "docker.io/me/provisioner:1",
        "helper": "docker.io/me/helper:2",
    }


def test_a_kind_without_the_storage_manifest_is_refused() -> None:
    """Otherwise the node would have no StorageClass."""
    with pytest.raises(ImageError, match="storage manifest"):
        storage_manifest("package nodeimage", STORAGE)


def test_a_node_contains_its_version_and_manifests(tmp_path: Path) -> None:
    """The files are in the locations kind expects."""
    kind = tmp_path / "kind"
    (kind / "pkg/build/nodeimage").mkdir(parents=True)
    (kind / "pkg/build/nodeimage/const_storage.go").write_text(SOURCE)
    network = tmp_path / "cni.yaml"
    network.write_text("kind: DaemonSet\n")
    root = tmp_path / "root"

    write_manifests(root, "v1.2.3", network, kind, STORAGE)

    assert (root / "kind/version").read_text() == "v1.2.3"
    assert (root / "kind/manifests/default-cni.yaml").read_text() == "kind: DaemonSet\n"
    assert "docker.io/me/helper:2" in (root / "kind/manifests/default-storage.yaml").read_text()
    assert (root / "etc/kubernetes/manifests").is_dir()


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

    import_images(root, tmp_path / "images.tar", deadline)

    calls = (tmp_path / "calls").read_text()
    assert f"--namespace k8s.io images import --no-unpack {tmp_path}/images.tar" in calls
    assert not psutil.pid_exists(int((root / "usr/local/bin/pid").read_text()))
    assert not deadline.expired


def test_a_failing_containerd_is_quoted(tmp_path: Path, deadline: Deadline) -> None:
    """A containerd that exits is an error immediately, with its message."""
    root = root_with(tmp_path, "echo no such plugin >&2; exit 3", "exit 1")

    with pytest.raises(ImageError, match="fails to start") as caught:
        import_images(root, tmp_path / "images.tar", deadline)

    assert "no such plugin" in caught.value.last_state


def test_a_failed_import_stops_containerd_too(tmp_path: Path, deadline: Deadline) -> None:
    """After a failed import, no process is left."""
    root = root_with(tmp_path, LISTENS, ANSWERS + 'case "$*" in *import*) echo bad digest >&2; exit 1;; esac')

    with pytest.raises(CommandFailed, match="import"):
        import_images(root, tmp_path / "images.tar", deadline)

    assert not psutil.pid_exists(int((root / "usr/local/bin/pid").read_text()))
    assert not deadline.expired


def test_an_empty_import_is_an_error(tmp_path: Path, deadline: Deadline) -> None:
    """A node without images would fail minutes later, in kubeadm."""
    with pytest.raises(ImageError, match="imported no image"):
        import_images(root_with(tmp_path, LISTENS, ANSWERS + "exit 0"), tmp_path / "images.tar", deadline)
