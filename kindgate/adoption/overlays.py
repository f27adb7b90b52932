"""Which of a repository's kustomizations is the one to judge."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kindgate.deploy.render import KUSTOMIZATION_NAMES
from kindgate.errors import ManifestError

PREFERRED = ("kindgate", "ci", "kind", "e2e", "test", "testing", "local", "dev", "development", "staging")
"""Names of overlays that are made for what kindgate does, the likeliest first."""

_SKIPPED = frozenset({"node_modules", "vendor", "venv", "site-packages", "build", "dist", "artifacts"})


@dataclass(frozen=True)
class Kustomization:
    """A folder with a kustomization, and the folders that it builds upon."""

    folder: Path
    component: bool
    uses: frozenset[Path]


def choose_overlay(root: Path, shown: Path) -> Path:
    """The overlay below `root` that nothing else builds upon; where there are several, the one that is named for tests.

    Paths in errors are given from `shown`. Raises `ManifestError` when there is none, or when only a person can choose.
    """
    found = [one for one in find_kustomizations(root) if not one.component]
    used = {folder for one in found for folder in one.uses}
    finished = [one.folder for one in found if one.folder not in used]
    if not finished:
        raise ManifestError(
            f"{root}: there is no kustomization.yaml below it",
            next_step="kindgate applies Kustomize overlays: a kustomization.yaml that lists your manifests under `resources:` is one",
        )
    for name in PREFERRED:
        named = [folder for folder in finished if folder.name == name]
        if len(named) == 1:
            return named[0]
    if len(finished) == 1:
        return finished[0]
    listed = ", ".join(sorted(os.path.relpath(folder, shown) for folder in finished))
    raise ManifestError(f"there are several overlays: {listed}", next_step="say which is to be judged: --overlay PATH")


def find_kustomizations(root: Path) -> tuple[Kustomization, ...]:
    """Every kustomization below `root`, but for those in hidden folders, environments and what builds leave behind."""
    return tuple(sorted(_found(root), key=lambda one: one.folder))


def _found(root: Path) -> Iterator[Kustomization]:
    for name, folders, files in os.walk(root):
        folders[:] = [folder for folder in folders if not folder.startswith(".") and folder not in _SKIPPED]
        folder = Path(name)
        for file in KUSTOMIZATION_NAMES:
            if file in files:
                document = _document(folder / file)
                yield Kustomization(folder, document.get("kind") == "Component", frozenset(_uses(folder, document)))


def _uses(folder: Path, document: Mapping[str, Any]) -> Iterator[Path]:
    for field in ("resources", "bases", "components"):
        for entry in document.get(field) or ():
            path = Path(os.path.normpath(folder / str(entry)))
            if path.is_dir():
                yield path


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}  # whoever chooses it gets Kustomize's own words about it
    return document if isinstance(document, Mapping) else {}
