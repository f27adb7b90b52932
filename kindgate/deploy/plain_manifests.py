"""Manifests as `kubectl apply -f` accepts them: one YAML file, or all YAML files of a folder tree."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from kindgate.deploy.manifest_yaml import read_documents
from kindgate.deploy.normalize import objects_of
from kindgate.deploy.render import KUSTOMIZATION_NAMES, display_path
from kindgate.errors import ManifestError
from kindgate.model import ObjectRef, Rendered

SUFFIXES = frozenset({".yaml", ".yml", ".json"})

_TOOL_GROUPS = ("skaffold", "kind.x-k8s.io", "k3d.io", "ctlptl.dev", "kustomize.config.k8s.io", "kubeadm.k8s.io", "kubelet.config.k8s.io")
"""API groups of tools' configuration files, which no API server knows."""


def read_plain(path: Path) -> Rendered:
    """Read the objects of a file or folder, in file name order. Raises `ManifestError` that names the file.

    In a folder, a file without any Kubernetes object (values, a compose file) is skipped and noted.
    """
    if not path.exists():
        siblings = sorted(entry.name for entry in path.parent.glob("*/")) if path.parent.is_dir() else []
        hint = f"{path.parent} contains: {', '.join(siblings)}" if siblings else "set --app-overlay to a folder, a file or a chart"
        raise ManifestError(f"{path}: overlay not found", next_step=hint)
    documents_by_file = {file: read_documents(file.read_text(errors="replace"), str(file)) for file in manifest_files(path)}
    with_objects = {file: documents for file, documents in documents_by_file.items() if path == file or any(map(is_object, documents))}
    objects = [
        (item, file)
        for file, documents in with_objects.items()
        for item in objects_of((document for document in documents if not _is_tool_configuration(document)), str(file))
    ]
    if not objects:
        raise ManifestError(f"{path}: contains no Kubernetes object", next_step=_overlays_below(path))
    return Rendered(
        overlay=path,
        objects=tuple(item for item, _ in objects),
        origins={ObjectRef.of(item): display_path(file) for item, file in objects},
        notes=tuple(
            f"{display_path(file)} contains no Kubernetes object: skipped" for file in documents_by_file if file not in with_objects
        ),
    )


def manifest_files(path: Path) -> Iterator[Path]:
    """Yield the file itself, or the YAML files below the folder, except in hidden folders, charts and other overlays."""
    if not path.is_dir():
        yield path
        return
    for name, folders, files in os.walk(path):
        folders[:] = sorted(folder for folder in folders if not folder.startswith(".") and not _is_another_source(Path(name) / folder))
        yield from (Path(name) / file for file in sorted(files) if Path(file).suffix in SUFFIXES and not file.startswith("."))


def is_object(document: object) -> bool:
    """Return whether a document is for the API server: it has kind and version, and is not a tool's configuration."""
    has_kind_and_version = isinstance(document, Mapping) and isinstance(document.get("apiVersion"), str) and bool(document.get("kind"))
    return has_kind_and_version and not _is_tool_configuration(document)


def _is_tool_configuration(document: object) -> bool:
    return isinstance(document, Mapping) and str(document.get("apiVersion")).partition("/")[0] in _TOOL_GROUPS


def _is_another_source(folder: Path) -> bool:
    names = (*KUSTOMIZATION_NAMES, "Chart.yaml", "pytest.ini")
    return any((folder / name).is_file() for name in names)


def _overlays_below(path: Path) -> str:
    """Return a hint that lists the overlays and charts in the folder, for a user who named their parent."""
    names = (*KUSTOMIZATION_NAMES, "Chart.yaml")
    found = sorted({str(file.parent) for name in names for file in path.rglob(name)}) if path.is_dir() else []
    return f"set --app-overlay to one of the overlays or charts in it: {', '.join(found[:10])}" if found else ""
