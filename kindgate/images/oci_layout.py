"""OCI image layouts (image-spec 1.1) written straight from blobs, without an engine."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from kindgate.images.image_reference import ImageReference

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

NAME_ANNOTATION = "io.containerd.image.name"
"""containerd reads an imported image's full name from here, including `name@digest`; the OCI annotation has only the tag."""


@dataclass(frozen=True)
class Span:
    """A part of a file: a blob inside an archive is copied from there, never held in memory."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True)
class Blob:
    """Content with its digest (`sha256:...`) and media type."""

    digest: str
    size: int
    media_type: str
    content: bytes | Span = field(repr=False)

    @classmethod
    def of_bytes(cls, content: bytes, media_type: str) -> Blob:
        """A blob held in memory: a configuration or manifest."""
        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), media_type, content)

    @classmethod
    def of_json(cls, value: object, media_type: str) -> Blob:
        """A JSON document, serialized deterministically."""
        return cls.of_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), media_type)

    @property
    def descriptor(self) -> dict[str, Any]:
        """The descriptor by which a manifest or index refers to it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """An open file positioned at the blob's first byte."""
        if isinstance(self.content, bytes):
            yield io.BytesIO(self.content)
        else:
            with self.content.path.open("rb") as file:
                file.seek(self.content.offset)
                yield file


@dataclass(frozen=True)
class Layer:
    """A file system layer: `diff_id` is the digest of the uncompressed tar."""

    blob: Blob
    diff_id: str


@dataclass(frozen=True)
class LayoutImage:
    """One image of a layout: its name, its manifest (or index of manifests), and every blob that these refer to."""

    name: ImageReference
    manifest: Blob
    blobs: tuple[Blob, ...]


def make_image(name: ImageReference, layers: Sequence[Layer], config: Mapping[str, Any], architecture: str) -> LayoutImage:
    """An image of `layers`; `config` is the OCI runtime configuration (`Entrypoint`, `User`, `Env`, ...).

    It has no creation time, so the same content has the same digest.
    """
    configuration = Blob.of_json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        },
        CONFIG,
    )
    return image_of(name, configuration, [layer.blob for layer in layers])


def image_of(name: ImageReference, configuration: Blob, layers: Sequence[Blob]) -> LayoutImage:
    """An image made of an existing configuration and its layers."""
    manifest = Blob.of_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": configuration.descriptor,
            "layers": [layer.descriptor for layer in layers],
        },
        MANIFEST,
    )
    return LayoutImage(name, manifest, (configuration, *layers))


def write_layout(path: Path, images: Iterable[LayoutImage]) -> None:
    """Write one tar file with the OCI layout of `images`, each name once; shared blobs are written once.

    The file is created atomically.
    """
    images = {image.name.exact: image for image in images}.values()
    entries = [image.manifest.descriptor | {"annotations": _name_annotations(image.name)} for image in images]
    blobs = {blob.digest: blob for image in images for blob in (image.manifest, *image.blobs)}
    layout = Blob.of_json({"imageLayoutVersion": "1.0.0"}, "application/json")
    index = Blob.of_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX)
    partial = path.with_name(f"{path.name}.partial")
    with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "oci-layout", layout)
        _add(tar, "index.json", index)
        for digest, blob in blobs.items():
            _add(tar, f"blobs/{digest.replace(':', '/')}", blob)
    partial.replace(path)


def _name_annotations(name: ImageReference) -> dict[str, str]:
    return {NAME_ANNOTATION: name.exact, **({"org.opencontainers.image.ref.name": name.tag} if name.tag else {})}


def _add(tar: tarfile.TarFile, name: str, blob: Blob) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = blob.size, 0o644
    with blob.opened() as file:
        tar.addfile(member, file)
