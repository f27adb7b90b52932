"""Fixtures for the image tests: a stand-in for the engine's command that stores images as archive files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kindgate.host.container_engine import Engine
from kindgate.images.image_reference import ImageReference
from kindgate.images.oci_layout import CONFIG, LAYER, Blob, LayoutImage, image_of, write_layout
from kindgate.waiting import Deadline

STAND_IN = Path(__file__).parent / "stand_in_docker.py"


class StandInEngine:
    """An engine whose command is a real program and whose store is a folder filled by the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = folder / "docker"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -S {STAND_IN} {folder} "$@"\n')
        command.chmod(0o755)
        self.engine = Engine("docker", command, "28.0.1")

    def holds(self, name: str, *, text: str = "") -> None:
        """Add an image with this name and layer text to the store."""
        self._change("images", name, text or name)

    def keep_digests(self) -> None:
        """Switch the engine to Docker's containerd image store, which saves an image with its registry's manifest."""
        (self.folder / "containerd-store").touch()

    def registry_has(self, name: str) -> None:
        """Add an image to the registry that the engine uses."""
        self._change("registry", name, name)

    def set_registry_error(self, name: str, message: str) -> None:
        """Make the registry reject an image with this message."""
        self._change("refusals", name, message)

    def calls(self) -> list[list[str]]:
        """Return every command line the engine received."""
        log = self.folder / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def node_images(self, node: str) -> list[str]:
        """Return the image names imported into a node."""
        file = self.folder / f"node-{node}"
        return file.read_text().split() if file.exists() else []

    def _change(self, table: str, name: str, value: str) -> None:
        file = self.folder / f"{table}.json"
        rows: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**rows, name: value}))


@pytest.fixture
def stand_in(tmp_path: Path) -> StandInEngine:
    """An engine with an empty store."""
    folder = tmp_path / "engine"
    folder.mkdir()
    return StandInEngine(folder)


@pytest.fixture
def deadline() -> Deadline:
    """A deadline longer than any test needs."""
    return Deadline.after(30)


MakeImage = Callable[..., LayoutImage]
"""Builds an image from its name and the text in its layer."""


@pytest.fixture
def make_image() -> MakeImage:
    """Build images whose only layer is a text instead of a tar, to tell them apart."""

    def make(name: str, text: str = "hello") -> LayoutImage:
        layer = Blob.of_bytes(text.encode(), LAYER)
        return image_of(ImageReference.parse(name), Blob.of_json({"os": "linux", "text": text}, CONFIG), [layer])

    return make


@pytest.fixture
def oci_archive(tmp_path: Path, make_image: MakeImage) -> Path:
    """An OCI layout with two images."""
    path = tmp_path / "two.tar"
    write_layout(path, [make_image("registry.local/one:1"), make_image("registry.local/two:2", "world")])
    return path
