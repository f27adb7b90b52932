"""OCI layouts are complete, named for containerd, and reproducible."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kindgate.images.image_reference import ImageReference
from kindgate.images.oci_layout import LAYER, Blob, Layer, LayoutImage, Span, make_image, write_layout


def members(path: Path) -> dict[str, bytes]:
    """Return the files in an archive."""
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read() for name, file in files.items() if file}


def test_every_referenced_blob_exists_under_its_digest(oci_archive: Path) -> None:
    """Every blob referred to by the index or a manifest exists under its digest."""
    files = members(oci_archive)
    blobs = {name.removeprefix("blobs/sha256/"): content for name, content in files.items() if name.startswith("blobs/")}

    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in blobs.items())
    for entry in json.loads(files["index.json"])["manifests"]:
        manifest = json.loads(blobs[entry["digest"].removeprefix("sha256:")])
        for part in (manifest["config"], *manifest["layers"]):
            assert len(blobs[part["digest"].removeprefix("sha256:")]) == part["size"]


def test_the_full_name_is_annotated_for_containerd(oci_archive: Path) -> None:
    """OCI's own annotation has only the tag, so containerd would import images without a name."""
    entries = json.loads(members(oci_archive)["index.json"])["manifests"]

    assert [entry["annotations"]["io.containerd.image.name"] for entry in entries] == ["registry.local/one:1", "registry.local/two:2"]


def test_shared_blobs_are_written_once(tmp_path: Path, make_image: Callable[..., LayoutImage]) -> None:
    """A second name for an image adds no blob."""
    path = tmp_path / "a.tar"
    write_layout(path, [make_image("a:1", "same"), make_image("b:1", "same")])

    assert sum(name.startswith("blobs/") for name in members(path)) == 3


def test_the_same_images_yield_the_same_bytes(tmp_path: Path, make_image: Callable[..., LayoutImage]) -> None:
    """An archive includes neither times nor facts about the machine."""
    for name in ("a.tar", "b.tar"):
        write_layout(tmp_path / name, [make_image("a:1")])

    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_blob_in_a_file_is_copied(tmp_path: Path) -> None:
    """Only the blob's own bytes are copied from the file."""
    source = tmp_path / "source"
    source.write_bytes(b"before-content-after")
    digest = f"sha256:{hashlib.sha256(b'content').hexdigest()}"
    layer = Layer(Blob(digest, 7, LAYER, Span(source, 7, 7)), digest)

    write_layout(tmp_path / "a.tar", [make_image(ImageReference.parse("a:1"), [layer], {"User": "65532"}, "arm64")])

    files = members(tmp_path / "a.tar")
    assert files[f"blobs/sha256/{digest.removeprefix('sha256:')}"] == b"content"
    configurations = [json.loads(content) for content in files.values() if content.startswith(b'{"architecture"')]
    assert configurations == [
        {"architecture": "arm64", "os": "linux", "config": {"User": "65532"}, "rootfs": {"type": "layers", "diff_ids": [digest]}}
    ]


def test_an_unfinished_archive_is_not_left_behind(tmp_path: Path) -> None:
    """A killed run or a missing file leaves no archive that another run would use."""
    lost = Layer(Blob("sha256:" + "0" * 64, 7, LAYER, Span(tmp_path / "lost", 0, 7)), "sha256:" + "0" * 64)

    with pytest.raises(FileNotFoundError):
        write_layout(tmp_path / "a.tar", [make_image(ImageReference.parse("a:1"), [lost], {}, "amd64")])

    assert not (tmp_path / "a.tar").exists()


def test_an_image_may_be_named_by_its_digest(tmp_path: Path, make_image: Callable[..., LayoutImage]) -> None:
    """The nodes then know the image as `name@digest`, which the kubelet requests."""
    image = make_image("shop/app:1")
    pinned = replace(image, name=image.name.with_digest(image.manifest.digest))

    write_layout(tmp_path / "a.tar", [pinned])

    (entry,) = json.loads(members(tmp_path / "a.tar")["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == f"docker.io/shop/app@{entry['digest']}"
