"""The folders `echo`, `shop` and `stateful` have tests of one application each: they are collected only if that one is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate import assets
from kindgate.plugin.pytest_options import settings_of

FOLDER = Path(__file__).parent
APPLICATIONS = ("echo", "shop", "stateful")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the folder of another application than that of --app-overlay."""
    if collection_path.parent != FOLDER or collection_path.name not in APPLICATIONS:
        return None
    return True if collection_path.name != _judged(config) else None


def _judged(config: pytest.Config) -> str:
    settings = settings_of(config)
    overlay = settings.path(settings.deploy.overlay).resolve()
    if overlay.is_relative_to((FOLDER / "stateful").resolve()):
        return "stateful"
    return "shop" if overlay.is_relative_to((assets.manifests() / "apps" / "shop").resolve()) else "echo"
