"""`images.lock`: for each image name, the expected registry digest and the catalogue entry to build it from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kindgate.errors import ImageError
from kindgate.images.image_reference import LOCAL_REGISTRY, ImageReference

_DIGEST = r"^(sha256:[0-9a-f]{64})?$"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LockedImage(_Entry):
    """One image: an empty `digest` pins it by tag, and with an empty `build` it cannot be built."""

    digest: str = Field(default="", pattern=_DIGEST)
    digest_from: str = ""
    build: str = ""


class LockedNode(_Entry):
    """The node image of the registry source."""

    image: str
    digest: str = Field(default="", pattern=_DIGEST)
    digest_from: str = ""

    @property
    def reference(self) -> ImageReference:
        """Name, tag and, if known, digest."""
        return ImageReference.parse(self.image).with_digest(self.digest)


class ImageLock(_Entry):
    """The whole file; the names of `images` are complete (`docker.io/library/busybox:1.35`)."""

    node: LockedNode
    images: Mapping[str, LockedImage] = {}

    @field_validator("images")
    @classmethod
    def _names_are_complete(cls, value: Mapping[str, LockedImage]) -> Mapping[str, LockedImage]:
        for name in value:
            if ImageReference.parse(name).tagged != name:
                raise ValueError(f"{name} must be written as {ImageReference.parse(name).tagged}")
        return value

    @property
    def registries(self) -> tuple[str, ...]:
        """The registries of the locked images, without duplicates."""
        named = {ImageReference.parse(name).registry for name in self.images}
        return tuple(sorted({*named, self.node.reference.registry} - {LOCAL_REGISTRY}))

    def of(self, reference: ImageReference) -> LockedImage:
        """The entry of an image; one that is not locked is pinned by tag and cannot be built."""
        return self.images.get(reference.tagged, LockedImage())


def read_lock(path: Path) -> ImageLock:
    """The lock in `path`; raises `ImageError` with the file and the problem."""
    try:
        return ImageLock.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, ValidationError, ImageError) as error:
        raise ImageError(
            f"cannot use {path}: {error}", next_step="restore the file, or regenerate it with `kindgate images pin`"
        ) from error


def pin_digest(lock: ImageLock, name: str, digest: str, origin: str) -> ImageLock:
    """The lock with the registry's digest for `name`, the node image or another; `origin` is the registry and the date."""
    changes = {"digest": digest, "digest_from": origin}
    if name == lock.node.image:
        return lock.model_copy(update={"node": lock.node.model_copy(update=changes)})
    images = {**lock.images, name: lock.images.get(name, LockedImage()).model_copy(update=changes)}
    return lock.model_copy(update={"images": dict(sorted(images.items()))})


def lock_text(lock: ImageLock) -> str:
    """The lock as YAML, without empty fields."""
    document = {
        "node": lock.node.model_dump(exclude_defaults=True),
        "images": {name: entry.model_dump(exclude_defaults=True) for name, entry in lock.images.items()},
    }
    return yaml.safe_dump(document, sort_keys=False, width=200)
