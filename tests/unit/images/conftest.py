"""What the image tests share: a stand-in for the engine's command that keeps images as archive files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kindgate.host.engine import Engine
from kindgate.images.layout import CONFIG, LAYER, Blob, LayoutImage, image_of, write_layout
from kindgate.images.reference import ImageReference
from kindgate.waiting import Deadline

STAND_IN = Path(__file__).parent / "stand_in_docker.py"


class StandInEngine:
    """An engine whose command is a real program, and whose store is a folder that the test fills."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = folder / "docker"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -S {STAND_IN} {folder} "$@"\n')
        command.chmod(0o755)
        self.engine = Engine("docker", command, "28.0.1")

    def holds(self, name: str, *, text: str = "") -> None:
        """Put an image of that name, with that text in its layer, into the store."""
        self._change("images", name, text or name)

    def keep_digests(self) -> None:
        """Let the engine have Docker's containerd image store, which saves an image with its registry's manifest."""
        (self.folder / "containerd-store").touch()

    def registry_has(self, name: str) -> None:
        """Let the registry that the engine asks hold an image."""
        self._change("registry", name, name)

    def registry_says(self, name: str, words: str) -> None:
        """Let the registry refuse an image with these words."""
        self._change("refusals", name, words)

    def calls(self) -> list[list[str]]:
        """Every command line that the engine got."""
        log = self.folder / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def node_images(self, node: str) -> list[str]:
        """The names that were imported into a node."""
        file = self.folder / f"node-{node}"
        return file.read_text().split() if file.exists() else []

    def _change(self, table: str, name: str, value: str) -> None:
        file = self.folder / f"{table}.json"
        rows: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**rows, name: value}))


@pytest.fixture
def stand_in(tmp_path: Path) -> StandInEngine:
    """An engine that holds nothing yet."""
    folder = tmp_path / "engine"
    folder.mkdir()
    return StandInEngine(folder)


@pytest.fixture
def deadline() -> Deadline:
    """More time than any test needs."""
    return Deadline.after(30)


MakeImage = Callable[..., LayoutImage]
"""Makes an image from its name and the text in its layer."""


@pytest.fixture
def make_image() -> MakeImage:
    """Images whose one layer is no tar, but a text that tells it from others."""

    def make(name: str, text: str = "hello") -> LayoutImage:
        layer = Blob.of_bytes(text.encode(), LAYER)
        return image_of(ImageReference.parse(name), Blob.of_json({"os": "linux", "text": text}, CONFIG), [layer])

    return make


@pytest.fixture
def oci_archive(tmp_path: Path, make_image: MakeImage) -> Path:
    """An OCI layout of two images."""
    path = tmp_path / "two.tar"
    write_layout(path, [make_image("registry.local/one:1"), make_image("registry.local/two:2", "world")])
    return path
