"""The engine's own image store, as far as this package needs it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kindgate.errors import ImageError
from kindgate.host.container_engine import Engine
from kindgate.images.archive import ArchivedImage, read_archive
from kindgate.waiting import Deadline


def image_id(engine: Engine, name: str, deadline: Deadline) -> str:
    """The ID of an image in the engine; empty if it has no image of that name."""
    result = engine.run("image", "inspect", "--format", "{{.Id}}", name, deadline=deadline, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""


def keeps_digests(engine: Engine, deadline: Deadline) -> bool:
    """Whether the engine saves an image with its registry manifest: only Docker's containerd image store does."""
    if engine.program == "podman":
        return False
    return "io.containerd.snapshotter" in engine.run("info", "--format", "{{json .DriverStatus}}", deadline=deadline).stdout


def save_image(engine: Engine, name: str, folder: Path, deadline: Deadline) -> ArchivedImage:
    """Save one image of the engine to a file in `folder`; raises `ImageError` if the engine does not have it.

    It is saved by ID: a name without a tag would save all of its tags.
    """
    identity = image_id(engine, name, deadline)
    if not identity:
        raise ImageError(
            f"image {name} was not found in the engine", next_step=f"build it (`{engine.program} build -t {name} .`) or correct the name"
        )
    _, path = tempfile.mkstemp(dir=folder, suffix=".tar")
    engine.run("save", *(["--format", "docker-archive"] if engine.program == "podman" else []), "-o", path, identity, deadline=deadline)
    return read_archive(Path(path))[0]
