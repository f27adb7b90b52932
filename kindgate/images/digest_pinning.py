"""Record missing digests in `images.lock`, so later runs get exactly what the registry serves today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from kindgate.images.image_lock import ImageLock, lock_text, pin_digest, read_lock
from kindgate.images.image_reference import LOCAL_REGISTRY, ImageReference
from kindgate.images.registry import RegistrySource
from kindgate.progress import Progress
from kindgate.waiting import Deadline


def pin_missing(file: Path, registry: RegistrySource, images: Iterable[str], progress: Progress, deadline: Deadline) -> Iterator[str]:
    """Query `registry` for each digest missing in the lock `file`, record it, and yield `NAME DIGEST`.

    `images` are the images of the manifests (`registry/repo:tag`). Known digests do not change. Each digest is written
    immediately, so a registry that refuses one image does not lose those before it. Raises `ImageError`.
    """
    lock = read_lock(file)
    for name in _without_digest(lock, images):
        digest = registry.digest(name, progress, deadline)
        lock = pin_digest(lock, name, digest, _digest_origin(name, registry.mirror))
        _write(file, lock)
        yield f"{name} {digest}"


def _without_digest(lock: ImageLock, images: Iterable[str]) -> list[str]:
    """The images of the lock and the manifests without a digest, the node image first."""
    node = [] if lock.node.digest else [lock.node.image]
    references = (ImageReference.parse(name) for name in sorted({*lock.images, *images}))
    return node + [reference.tagged for reference in references if reference.registry != LOCAL_REGISTRY and not lock.of(reference).digest]


def _digest_origin(name: str, mirror: str) -> str:
    """The registry and the date."""
    through = f" through {mirror}" if mirror else ""
    return f"{ImageReference.parse(name).registry}{through}, {datetime.now(UTC):%Y-%m-%d}"


def _write(file: Path, lock: ImageLock) -> None:
    """Replace the lock, keeping its leading comment."""
    comments = "".join(line for line in file.read_text().splitlines(keepends=True) if line.startswith("#"))
    file.write_text(comments + lock_text(lock))
