"""Workflows written into a folder and played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.player.actions import Actions, CacheStore
from tests.player.artifacts import ArtifactStore
from tests.player.documents import Library, Tree, read_workflow
from tests.player.results import RunResult
from tests.player.workflow import Start, World, play

Play = Callable[..., RunResult]


def _no_clone(repository: str, ref: str, target: Path, depth: int) -> None:
    raise AssertionError((repository, ref, target, depth))


@pytest.fixture(name="store")
def _store() -> ArtifactStore:
    """The artifacts that played runs upload."""
    return ArtifactStore()


@pytest.fixture(name="played")
def _played(tmp_path: Path, store: ArtifactStore) -> Play:
    """Write a repository's files, play its `.github/workflows/ci.yml`, and return the result."""
    actions = Actions(store, CacheStore(tmp_path / "caches"), _no_clone, tmp_path)
    world = World(tmp_path / "machines", Library(), actions.known())

    def play_files(files: dict[str, str] | str, event: str = "push", **start: Any) -> RunResult:
        root = tmp_path / "tree"
        for name, text in ({".github/workflows/ci.yml": files} if isinstance(files, str) else files).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        tree = Tree(root, "acme/shop", "1" * 40)
        github = {
            "event_name": event,
            "event": {"number": 17},
            "repository": "acme/shop",
            "ref": "refs/heads/main",
            "run_id": 9001,
            "run_attempt": 1,
            "server_url": "https://github.com",
            "workflow": "ci",
        }
        return play(read_workflow(tree, ".github/workflows/ci.yml"), Start(github, **start), world)

    return play_files
