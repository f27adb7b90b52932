"""Reader for image archives: tar files with an OCI layout, or written by `docker save` or `podman save`.

Nothing is unpacked: blobs are read directly from the archive.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import posixpath
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindgate.errors import ImageError
from kindgate.images.image_reference import ImageReference
from kindgate.images.oci_layout import CONFIG, INDEX, LAYER, NAME_ANNOTATION, Blob, LayoutImage, Span, image_of

_DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_COMPRESSIONS = {b"\x1f\x8b": "+gzip", b"\x28\xb5\x2f\xfd": "+zstd"}


@dataclass(frozen=True)
class ArchivedImage:
    """An image in an archive, with its names there (none if it was saved by ID)."""

    names: tuple[ImageReference, ...]
    manifest: Blob
    blobs: tuple[Blob, ...]

    def named(self, name: ImageReference) -> LayoutImage:
        """The image under the given name; raises `ImageError` if the name has a digest that differs from the image's."""
        if name.digest not in ("", self.manifest.digest):
            raise ImageError(f"{name.familiar} cannot be loaded because the image has another digest: {self.manifest.digest}")
        return LayoutImage(name, self.manifest, self.blobs)


def plain_archive(path: Path, folder: Path) -> Path:
    """`path`, or its decompressed copy in `folder` if it is gzip-compressed."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    decompressed = folder / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}.tar"
    with gzip.open(path) as packed, decompressed.open("wb") as target:
        shutil.copyfileobj(packed, target)
    return decompressed


def read_archive(path: Path) -> list[ArchivedImage]:
    """The images of an uncompressed archive; raises `ImageError` if it is not an image archive or is damaged."""
    try:
        with tarfile.open(path, "r:") as tar:
            images = _Archive(path, tar).images()
    except (tarfile.TarError, OSError, KeyError, TypeError, ValueError) as error:
        raise ImageError(f"{path} is not an image archive or is damaged: {error}", next_step="create it with `docker save`") from error
    if not images:
        raise ImageError(f"{path} contains no image", next_step="create it with `docker save NAME:TAG`")
    return images


class _Archive:
    """The members of an open archive, by name."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path, self._tar = path, tar
        self._members = {posixpath.normpath(member.name): member for member in tar.getmembers()}

    def has(self, name: str) -> bool:
        return name in self._members

    def images(self) -> list[ArchivedImage]:
        """The images of the OCI layout, which keeps their digests; those of manifest.json if only that has all names.

        Docker 25 and later write both.
        """
        if not self.has("index.json"):
            return list(self.docker_images())
        oci = list(self.oci_images())
        docker = list(self.docker_images()) if self.has("manifest.json") else []
        return docker if not oci or _names(docker) - _names(oci) else oci

    def docker_images(self) -> Iterator[ArchivedImage]:
        """The images in manifest.json, which lack manifests: new ones are created."""
        for entry in self._json("manifest.json"):
            configuration = self._blob(entry["Config"], CONFIG)
            layers = [self._layer(name) for name in entry["Layers"]]
            names = tuple(ImageReference.parse(tag) for tag in entry.get("RepoTags") or ())
            image = image_of(ImageReference("", ""), configuration, layers)
            yield ArchivedImage(names, image.manifest, image.blobs)

    def oci_images(self) -> Iterator[ArchivedImage]:
        """The images in index.json."""
        for descriptor in self._json("index.json")["manifests"]:
            manifest, *blobs = self._tree(descriptor)
            name = _name_of(descriptor.get("annotations") or {})
            yield ArchivedImage((name,) if name else (), manifest, tuple(blobs))

    def _tree(self, descriptor: Mapping[str, Any]) -> Iterator[Blob]:
        """The blob of a descriptor and everything that it refers to; for an index, the platforms that were saved."""
        name = f"blobs/{descriptor['digest'].replace(':', '/')}"
        yield self._blob(name, descriptor["mediaType"])
        if descriptor["mediaType"] in {INDEX, _DOCKER_INDEX}:
            trees = [tree for child in self._json(name)["manifests"] if (tree := self._complete_tree(child))]
            if not trees:
                raise ValueError(f"{name} has no complete platform")
            yield from (blob for tree in trees for blob in tree)
        elif "manifest" in descriptor["mediaType"]:
            manifest = self._json(name)
            yield from (blob for child in (manifest["config"], *manifest["layers"]) for blob in self._tree(child))

    def _complete_tree(self, descriptor: Mapping[str, Any]) -> tuple[Blob, ...]:
        """The blobs of one platform; empty if one is missing, because an engine saves only the platforms that it has."""
        try:
            return tuple(self._tree(descriptor))
        except KeyError:
            return ()

    def _layer(self, name: str) -> Blob:
        file = self._tar.extractfile(self._member(name))
        start = file.read(4) if file else b""
        compression = next((suffix for magic, suffix in _COMPRESSIONS.items() if start.startswith(magic)), "")
        return self._blob(name, LAYER + compression)

    def _blob(self, name: str, media_type: str) -> Blob:
        member = self._member(name)
        span = Span(self._path, member.offset_data, member.size)
        parts = posixpath.normpath(name).split("/")
        digest = parts[2] if parts[:2] == ["blobs", "sha256"] else self._sha256(member)
        return Blob(f"sha256:{digest}", member.size, media_type, span)

    def _member(self, name: str) -> tarfile.TarInfo:
        """The regular file of that name; older Docker stores a layer shared by two images as a link to the first."""
        member = self._members[posixpath.normpath(name)]
        while member.issym():
            member = self._members[posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))]
        if not member.isreg():
            raise ValueError(f"{name} is not a file")
        return member

    def _sha256(self, member: tarfile.TarInfo) -> str:
        file = self._tar.extractfile(member)
        if file is None:
            raise ValueError(f"{member.name} is not a file")
        with file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # readable like a file, but typed more narrowly

    def _json(self, name: str) -> Any:  # noqa: ANN401 - JSON of a shape that the caller knows
        file = self._tar.extractfile(self._member(name))
        return json.load(file) if file else None


def _names(images: Iterable[ArchivedImage]) -> set[ImageReference]:
    return {name for image in images for name in image.names}


def _name_of(annotations: Mapping[str, str]) -> ImageReference | None:
    """The full name of an image in an index; the OCI's own annotation may contain only the tag."""
    full = annotations.get(NAME_ANNOTATION, "")
    name = full or annotations.get("org.opencontainers.image.ref.name", "")
    return ImageReference.parse(name) if full or "/" in name or ":" in name else None
