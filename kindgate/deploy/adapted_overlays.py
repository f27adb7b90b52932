"""Adapted overlays, as `kindgate init` generates them: the unchanged application manifests plus what a test needs.

Kustomize rejects files outside an overlay's folder, folders without a kustomization, and charts. A generated overlay
can build on all of these: kindgate renders them first and passes the result to Kustomize.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kindgate.deploy.render import KUSTOMIZATION_NAMES, display_path, render
from kindgate.errors import ManifestError
from kindgate.model import ObjectRef, Rendered
from kindgate.waiting import Deadline

ANNOTATION = "kindgate.dev/adapted-overlay"
"""On a kustomization that `kindgate init` generated: it can build on sources that Kustomize alone rejects."""

RenderBase = Callable[[Path], Rendered | None]
"""Render a source that an adapted overlay builds on; None if Kustomize builds the source itself."""


def is_adapted_overlay(overlay: Path) -> bool:
    """Return whether `overlay` is an adapted overlay."""
    return ANNOTATION in ((_kustomization(overlay).get("metadata") or {}).get("annotations") or {})


def render_adapted(overlay: Path, render_base: RenderBase, *, kubectl: Path, options: Sequence[str | Path], deadline: Deadline) -> Rendered:
    """Build an adapted overlay. Raises `ManifestError` that names the file."""
    document = _kustomization(overlay)
    with tempfile.TemporaryDirectory(prefix="kindgate-adapted-") as name:
        top = Path(name).resolve()
        copy = top / "overlay"
        shutil.copytree(overlay, copy)
        bases: dict[str, Rendered] = {}
        resources = [_resource(overlay, str(entry), copy, render_base, bases) for entry in document.get("resources") or ()]
        for file in KUSTOMIZATION_NAMES:
            (copy / file).unlink(missing_ok=True)
        (copy / "kustomization.yaml").write_text(yaml.safe_dump({**document, "resources": resources}, sort_keys=False))
        allowed = (*options, "--load-restrictor", "LoadRestrictionsNone")
        try:
            built = render(copy, kubectl=kubectl, deadline=deadline, options=allowed)
        except ManifestError as error:
            raise ManifestError(
                error.message.replace(str(copy), str(overlay)), last_state=error.last_state.replace(str(copy), str(overlay))
            ) from error
        origins = {ref: _origin(file, ref, display_path(copy), overlay, bases) for ref, file in built.origins.items()}
    return replace(built, overlay=overlay, origins=origins, notes=tuple(note for source in bases.values() for note in source.notes))


def _resource(overlay: Path, entry: str, copy: Path, render_base: RenderBase, bases: dict[str, Rendered]) -> str:
    """Return the resource entry for the overlay's copy, rendering a source that Kustomize rejects into a file of the copy."""
    path = Path(os.path.normpath(overlay / entry))
    if path.is_relative_to(overlay) or not path.exists():
        return entry
    rendered = render_base(path)
    if rendered is None:
        return os.path.relpath(path.resolve(), copy)
    name = f".base-{len(bases)}.yaml"
    bases[name] = rendered
    # all parsers read JSON alike, and it is valid YAML
    (copy / name).write_text("\n---\n".join(json.dumps(manifest) for manifest in rendered.objects))
    return name


def _origin(file: str, ref: ObjectRef, copy: str, overlay: Path, bases: Mapping[str, Rendered]) -> str:
    """Return the file that the user would open."""
    if not file.startswith(copy):
        return file
    relative = file.removeprefix(copy).lstrip("/")
    return (
        bases[relative].origins.get(ref, display_path(bases[relative].overlay)) if relative in bases else display_path(overlay / relative)
    )


def _kustomization(overlay: Path) -> Mapping[str, Any]:
    file = next((overlay / name for name in KUSTOMIZATION_NAMES if (overlay / name).is_file()), None)
    try:
        document = yaml.safe_load(file.read_text()) if file is not None else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}  # Kustomize reports the error
    return document if isinstance(document, Mapping) else {}
