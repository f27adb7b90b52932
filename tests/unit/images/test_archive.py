"""Reading archives written by Docker, Podman and OCI tools."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from kindgate.errors import ImageError
from kindgate.images.archive import plain_archive, read_archive
from kindgate.images.image_reference import ImageReference
from kindgate.images.oci_layout import INDEX, LAYER, MANIFEST, write_layout


def write_tar(path: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write a tar of files; a string is the target of a symbolic link."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def sha(content: bytes) -> str:
    """Return the hexadecimal SHA-256 digest."""
    return hashlib.sha256(content).hexdigest()


def test_an_oci_layout_keeps_its_names_and_content(oci_archive: Path, tmp_path: Path) -> None:
    """An OCI layout is the same archive after being read and written."""
    images = read_archive(oci_archive)
    copy = tmp_path / "again.tar"
    write_layout(copy, [image.named(image.names[0]) for image in images])

    assert [str(image.names[0]) for image in images] == ["registry.local/one:1", "registry.local/two:2"]
    assert copy.read_bytes() == oci_archive.read_bytes()


def test_an_archive_of_older_docker_is_read(tmp_path: Path) -> None:
    """Layers have a folder each, a layer shared by two images is a link, and names are as the user wrote them."""
    config, layer = b'{"os":"linux"}', b"layer"
    manifest = [
        {"Config": f"{sha(config)}.json", "RepoTags": ["traefik:v3"], "Layers": ["aa/layer.tar"]},
        {"Config": f"{sha(config)}.json", "RepoTags": ["app:1", "me/app:2"], "Layers": ["bb/layer.tar"]},
    ]
    path = write_tar(
        tmp_path / "saved.tar",
        {
            "manifest.json": json.dumps(manifest).encode(),
            f"{sha(config)}.json": config,
            "aa/layer.tar": layer,
            "bb/layer.tar": "../aa/layer.tar",
        },
    )

    first, second = read_archive(path)

    assert [str(name) for name in second.names] == ["docker.io/library/app:1", "docker.io/me/app:2"]
    assert first.blobs[1].digest == second.blobs[1].digest == f"sha256:{sha(layer)}"
    assert first.blobs[1].media_type == LAYER


def test_an_archive_of_newer_docker_is_read(tmp_path: Path) -> None:
    """Blobs are listed by digest, compressed or not, and an image saved by its ID has no name."""
    config, layer = b'{"os":"linux"}', gzip.compress(b"layer")
    names = [f"blobs/sha256/{sha(content)}" for content in (config, layer)]
    manifest = [{"Config": names[0], "RepoTags": None, "Layers": names[1:]}]
    path = write_tar(tmp_path / "saved.tar", {names[0]: config, names[1]: layer, "manifest.json": json.dumps(manifest).encode()})

    (image,) = read_archive(path)

    assert image.names == ()
    assert image.blobs[1].media_type == f"{LAYER}+gzip"
    assert str(image.named(ImageReference.parse("mine:1")).name) == "docker.io/library/mine:1"


def test_only_the_saved_platforms_of_an_index_are_read(tmp_path: Path) -> None:
    """An index lists platforms whose blobs are not in a single-platform archive."""
    config, layer = b"{}", b"layer"
    manifest = {
        "config": {"digest": f"sha256:{sha(config)}", "mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [{"digest": f"sha256:{sha(layer)}", "mediaType": LAYER}],
    }
    saved = json.dumps(manifest).encode()
    index = {"manifests": [{"digest": f"sha256:{digest}", "mediaType": MANIFEST} for digest in (sha(saved), "e" * 64)]}
    platforms = json.dumps(index).encode()
    annotations = {"org.opencontainers.image.ref.name": "ghcr.io/me/app:1"}
    top = {"manifests": [{"digest": f"sha256:{sha(platforms)}", "mediaType": INDEX, "annotations": annotations}]}
    blobs = {f"blobs/sha256/{sha(content)}": content for content in (config, layer, saved, platforms)}

    (image,) = read_archive(write_tar(tmp_path / "a.tar", {**blobs, "index.json": json.dumps(top).encode()}))

    assert image.names == (ImageReference.parse("ghcr.io/me/app:1"),)
    assert {blob.digest for blob in (image.manifest, *image.blobs)} == {
        f"sha256:{sha(content)}" for content in (config, layer, saved, platforms)
    }


def docker_archive(path: Path, *, named: bool) -> tuple[Path, bytes]:
    """Write an archive of Docker 25 or later and return it with its manifest; its OCI layout has the image's name only if `named`."""
    config, layer = b"{}", b"layer"
    names = [f"blobs/sha256/{sha(content)}" for content in (config, layer)]
    docker = [{"Config": names[0], "RepoTags": ["app:1"], "Layers": names[1:]}]
    types = ("application/vnd.oci.image.config.v1+json", LAYER)
    parts = [{"digest": f"sha256:{sha(content)}", "mediaType": kind} for content, kind in zip((config, layer), types, strict=True)]
    manifest = json.dumps({"config": parts[0], "layers": parts[1:], "annotations": {"made": "by a registry"}}).encode()
    top = {"digest": f"sha256:{sha(manifest)}", "mediaType": MANIFEST}
    index = {"manifests": [{**top, **({"annotations": {"io.containerd.image.name": "docker.io/library/app:1"}} if named else {})}]}
    files = {names[0]: config, names[1]: layer, f"blobs/sha256/{sha(manifest)}": manifest}
    documents = {"manifest.json": json.dumps(docker).encode(), "index.json": json.dumps(index).encode()}
    return write_tar(path, {**files, **documents}), manifest


def test_an_image_keeps_the_digest_in_the_archive(tmp_path: Path) -> None:
    """Docker's own listing is next to the OCI layout; a manifest rebuilt from it would have another digest."""
    path, manifest = docker_archive(tmp_path / "a.tar", named=True)

    (image,) = read_archive(path)

    assert image.manifest.digest == f"sha256:{sha(manifest)}"
    assert str(image.names[0]) == "docker.io/library/app:1"


def test_names_only_in_dockers_listing_are_not_lost(tmp_path: Path) -> None:
    """An image without its name could not be loaded."""
    (image,) = read_archive(docker_archive(tmp_path / "a.tar", named=False)[0])

    assert [str(name) for name in image.names] == ["docker.io/library/app:1"]


def test_an_image_is_never_loaded_under_another_digest(oci_archive: Path) -> None:
    """A pod that pins a digest gets exactly that content, or an error."""
    image = read_archive(oci_archive)[0]
    right = image.names[0].with_digest(image.manifest.digest)

    assert image.named(right).name == right
    with pytest.raises(ImageError, match="another digest"):
        image.named(right.with_digest("sha256:" + "0" * 64))


def test_a_compressed_archive_is_decompressed_and_a_plain_one_read_directly(oci_archive: Path, tmp_path: Path) -> None:
    """A compressed archive, as from `docker save app | gzip`, is decompressed; a plain one is read directly."""
    packed = tmp_path / "two.tar.gz"
    packed.write_bytes(gzip.compress(oci_archive.read_bytes()))
    folder = tmp_path / "run"
    folder.mkdir()

    assert plain_archive(packed, folder).read_bytes() == oci_archive.read_bytes()
    assert plain_archive(oci_archive, folder) == oci_archive


@pytest.mark.parametrize(
    "files",
    [
        {"readme.txt": b"hello"},
        {"manifest.json": b"[]"},
        {"manifest.json": b"no json"},
        {"manifest.json": b'[{"Config": "gone.json", "Layers": []}]'},
        {"manifest.json": b'[{"Config": "loop", "Layers": []}]', "loop": "nowhere"},
    ],
)
def test_an_invalid_image_archive_is_refused_with_its_name(files: dict[str, bytes | str], tmp_path: Path) -> None:
    """The error names the file and the command that creates a valid archive."""
    path = write_tar(tmp_path / "bad.tar", files)

    with pytest.raises(ImageError, match=r"bad\.tar") as caught:
        read_archive(path)

    assert "docker save" in caught.value.next_step


def test_a_truncated_archive_is_refused(oci_archive: Path) -> None:
    """A truncated archive is an error, not an archive with fewer images."""
    oci_archive.write_bytes(oci_archive.read_bytes()[:3000])

    with pytest.raises(ImageError, match="damaged"):
        read_archive(oci_archive)
