"""Find Kubernetes files in a repository: kustomizations, charts, and folders of plain manifests."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kindgate.deploy.helm_charts import CHART_FILE
from kindgate.deploy.manifest_yaml import read_documents
from kindgate.deploy.normalize import objects_of
from kindgate.deploy.plain_manifests import SUFFIXES, is_object
from kindgate.deploy.render import KUSTOMIZATION_NAMES
from kindgate.errors import ManifestError
from kindgate.model import Manifest, ObjectRef
from kindgate.pod_templates import pod_templates
from kindgate.scaffold.suite_folder import is_suite

_SKIPPED = frozenset(
    {"node_modules", "vendor", "third_party", "venv", "site-packages", "build", "dist", "artifacts", "testdata", "fixtures", "__fixtures__"}
)
"""Folders of third-party code, build output, and inputs to unit tests."""

_FLUX = "kustomize.toolkit.fluxcd.io/"
"""API group of Flux's Kustomization, which is an object, not an overlay."""


@dataclass(frozen=True)
class Kustomization:
    """A folder with a kustomization, and the folders and files that it builds on."""

    folder: Path
    component: bool
    uses: frozenset[Path]


@dataclass(frozen=True)
class Tree:
    """Kubernetes files below a folder, sorted by path.

    `plain` maps files with objects to whether these create pods; `defined` maps them to the kinds and names of the objects.
    """

    kustomizations: tuple[Kustomization, ...] = ()
    charts: tuple[Path, ...] = ()
    plain: Mapping[Path, bool] = field(default_factory=dict)
    defined: Mapping[Path, frozenset[ObjectRef]] = field(default_factory=dict)


def scan_tree(root: Path) -> Tree:
    """Examine everything below `root`, except hidden folders, virtual environments, build output and third-party code."""
    kustomizations: list[Kustomization] = []
    charts: list[Path] = []
    plain: dict[Path, bool] = {}
    defined: dict[Path, frozenset[ObjectRef]] = {}
    for folder, files in walk_folders(root):
        if CHART_FILE in files:
            charts.append(folder)
            continue
        file = next((name for name in KUSTOMIZATION_NAMES if name in files), None)
        document = _document(folder / file) if file else {}
        if file and not str(document.get("apiVersion", "")).startswith(_FLUX):
            used = frozenset(_uses(folder, document))
            kustomizations.append(Kustomization(folder, document.get("kind") == "Component", used))
            continue
        for name in files:
            if Path(name).suffix in SUFFIXES:
                objects = _objects(folder / name)
                if objects:
                    plain[folder / name] = any(pod_templates(item) for item in objects)
                    defined[folder / name] = frozenset(map(ObjectRef.of, objects))
    return Tree(tuple(sorted(kustomizations, key=lambda one: one.folder)), tuple(sorted(charts)), dict(sorted(plain.items())), defined)


def walk_folders(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder below `root` that may contain the project's own files, with their names; a chart's subfolders are skipped."""
    for name, folders, files in os.walk(root):
        folder = Path(name)
        folders[:] = (
            []
            if CHART_FILE in files
            else sorted(one for one in folders if not one.startswith(".") and one not in _SKIPPED and not is_suite(folder / one))
        )
        yield folder, sorted(files)


def _uses(folder: Path, document: Mapping[str, Any]) -> Iterator[Path]:
    for key in ("resources", "bases", "components"):
        for entry in document.get(key) or ():
            path = Path(os.path.normpath(folder / str(entry)))
            if path.exists():
                yield path


def _objects(file: Path) -> Sequence[Manifest]:
    """The objects of a file; empty if it is not YAML (a template)."""
    try:
        documents = read_documents(file.read_text(errors="replace"), str(file))
        return objects_of((one for one in documents if is_object(one)), str(file))
    except (OSError, ManifestError):
        return ()


def _document(path: Path) -> Mapping[str, Any]:
    try:
        documents = read_documents(path.read_text(errors="replace"), str(path))
    except (OSError, ManifestError):
        return {}  # Kustomize reports the error if this one is chosen
    return documents[0] if documents and isinstance(documents[0], Mapping) else {}
