"""Edits to kind's files as in its Dockerfile, and the detection of an unexpected version."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kindgate.errors import ImageError
from kindgate.images.build.catalogue import Storage
from kindgate.images.build.rootfs import storage_manifest, write_manifests

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
