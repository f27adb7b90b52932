"""Kustomize builds: overlays and bundled components rendered to the objects to apply."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kindgate import assets
from kindgate.deploy.manifest_yaml import read_documents
from kindgate.deploy.normalize import objects_of
from kindgate.errors import CommandFailed, ManifestError
from kindgate.host.command import run
from kindgate.host.paths import cache_dir, state_dir
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.waiting import Deadline

KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
ORIGIN = "config.kubernetes.io/origin"
"""The annotation in which Kustomize, on request, records an object's source file."""

_CYCLE = "contains visited root ''"
"""Kustomize's message about a folder that contains kindgate's kustomization, whose name is removed from messages."""


def render(overlay: Path, *, kubectl: Path, deadline: Deadline, options: Sequence[str | Path] = ()) -> Rendered:
    """Build `overlay` with kubectl's own Kustomize and additional `options` of `kubectl kustomize`.

    Raises `ManifestError` that names the file, and `CommandTimeout`.
    """
    _check_overlay(overlay)
    built = _build({"resources": [overlay]}, kubectl, deadline, options)
    return Rendered(
        overlay=overlay,
        objects=tuple(manifest for manifest, _ in built),
        origins={ObjectRef.of(manifest): origin for manifest, origin in built if origin},
    )


def with_components(rendered: Rendered, names: Sequence[str], *, kubectl: Path, deadline: Deadline) -> Rendered:
    """Add the objects of the bundled components `names` to `rendered`.

    An identical object in both is taken once: an overlay might already include the requested component.
    Raises `ManifestError` for an unknown name.
    """
    folders = [_component(name) for name in names]
    if not folders:
        return rendered
    added = [(item, origin) for item, origin in _build({"components": folders}, kubectl, deadline) if item not in rendered.objects]
    origins = {ObjectRef.of(manifest): origin for manifest, origin in added if origin}
    return replace(rendered, objects=(*rendered.objects, *(item for item, _ in added)), origins={**rendered.origins, **origins})


def render_component(name: str, *, kubectl: Path, deadline: Deadline) -> Rendered:
    """Build one bundled component. Raises `ManifestError` for an unknown name."""
    folder = _component(name)
    built = _build({"components": [folder]}, kubectl, deadline)
    origins = {ObjectRef.of(manifest): origin for manifest, origin in built if origin}
    return Rendered(folder, tuple(manifest for manifest, _ in built), origins)


def dump(rendered: Rendered) -> str:
    """Return the objects as one YAML stream for `kubectl apply -f -`."""
    return yaml.safe_dump_all([dict(manifest) for manifest in rendered.objects], sort_keys=False)


def _check_overlay(overlay: Path) -> None:
    if not overlay.is_dir():
        siblings = sorted(entry.name for entry in overlay.parent.glob("*/")) if overlay.parent.is_dir() else []
        hint = f"{overlay.parent} contains: {', '.join(siblings)}" if siblings else "set --app-overlay to the overlay's folder"
        raise ManifestError(f"{overlay}: overlay not found", next_step=hint)
    if not any((overlay / name).is_file() for name in KUSTOMIZATION_NAMES):
        raise ManifestError(f"{overlay}: not an overlay: it has no kustomization.yaml")


def _component(name: str) -> Path:
    folder = assets.manifests() / "components"
    known_components = sorted(entry.name for entry in folder.glob("*/"))
    if name not in known_components:
        raise ManifestError(
            f"--app-component {name}: unknown bundled component", next_step=f"bundled components: {', '.join(known_components)}"
        )
    return folder / name


def _build(
    sources: Mapping[str, Sequence[Path]], kubectl: Path, deadline: Deadline, options: Sequence[str | Path] = ()
) -> list[tuple[Manifest, str]]:
    """Return each object with its source file, built from a folder outside the sources.

    Kustomize reports a cycle for a folder inside them, and TMPDIR can be inside the overlay or one of its bases.
    """
    folders = (Path(tempfile.gettempdir()), cache_dir(), state_dir())
    for folder in folders:
        try:
            return _build_in(folder, sources, kubectl, deadline, options)
        except ManifestError as error:
            if _CYCLE not in error.last_state or folder is folders[-1]:
                raise
    raise AssertionError("the last place returns or raises")


def _build_in(
    parent: Path, sources: Mapping[str, Sequence[Path]], kubectl: Path, deadline: Deadline, options: Sequence[str | Path]
) -> list[tuple[Manifest, str]]:
    """Return each object with its source file, built through a generated kustomization: only there can origins be requested."""
    with tempfile.TemporaryDirectory(prefix="kindgate-render-", dir=parent) as name:
        folder = Path(name).resolve()
        wrapper: dict[str, Any] = {"buildMetadata": ["originAnnotations"]}
        for field, paths in sources.items():
            wrapper[field] = [os.path.relpath(path.resolve(), folder) for path in paths]
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(wrapper))
        subject = next(path for paths in sources.values() for path in paths)
        try:
            text = run([kubectl, "kustomize", folder, *options], deadline=deadline).stdout
        except CommandFailed as error:
            if "must specify --enable-helm" in error.stderr:
                raise ManifestError(
                    f"{subject}: it has helmCharts, but Kustomize is not allowed to run helm",
                    next_step="allow it with --app-enable-helm (app_enable_helm = true)",
                ) from error
            raise ManifestError(
                f"{subject}: Kustomize failed to build it: {_root_cause(error.stderr, folder)}",
                last_state=error.stderr.replace(str(folder), ""),
                next_step=f"reproduce it with `kubectl kustomize {subject}`",
            ) from error
        documents = objects_of(read_documents(text, str(subject)), str(subject))
        if not documents:
            raise ManifestError(f"{subject}: Kustomize built no objects")
        return [_without_origin(document, folder) for document in documents]


def _without_origin(document: dict[str, Any], folder: Path) -> tuple[Manifest, str]:
    """Return the object without the origin annotation, and the origin."""
    metadata = dict(document["metadata"])
    annotations = dict(metadata.get("annotations") or {})
    origin = yaml.safe_load(annotations.pop(ORIGIN, "")) or {}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    path = origin.get("path") or origin.get("configuredIn") or ""
    file = f"{origin['repo']}/{path}" if "repo" in origin else display_path(folder / path) if path else ""
    return {**document, "metadata": metadata}, file


def display_path(file: Path) -> str:
    """Return a path as the user would write it: relative if it is below the working directory."""
    normal = Path(os.path.normpath(file))
    return str(normal.relative_to(Path.cwd())) if normal.is_relative_to(Path.cwd()) else str(normal)


def _root_cause(stderr: str, folder: Path) -> str:
    """Return the innermost part of Kustomize's nested message on one line, with the file that it names."""
    text = " ".join(stderr.replace(str(folder), "").split()).removeprefix("error: ")
    malformed = re.search(r"MalformedYAMLError: (?P<what>.*?) in File: (?P<file>\S+?)'?$", text)
    nested_paths = re.findall(r"recursed accumulation of path '([^']+)'", text)
    if malformed:
        file = str(Path(*nested_paths[-1:], malformed["file"]))
        return f"malformed YAML in {file}: {malformed['what']}"
    innermost = re.split(r"accumulating resources: |recursed accumulation of path '[^']+': |accumulation err='(?=accum)", text)[-1]
    return f"{innermost} (in {nested_paths[-1]})" if nested_paths else innermost
