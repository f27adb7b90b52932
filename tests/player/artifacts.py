"""Artifacts of runs, following the rules of actions/upload-artifact and actions/download-artifact (v4 and later)."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath


class ActionFailed(Exception):
    """An action fails its step."""


@dataclass(frozen=True)
class Artifact:
    """A run's uploaded artifact: an archive or, with `archive: false`, a single unchanged file."""

    run: int
    number: int
    name: str
    content: bytes
    zipped: bool = True


@dataclass
class ArtifactStore:
    """All artifacts of a repository; `on_upload` is called for each new one."""

    artifacts: list[Artifact] = field(default_factory=list)
    on_upload: Callable[[Artifact], None] = lambda _artifact: None

    def artifacts_of(self, run: int) -> list[Artifact]:
        """The artifacts of one run."""
        return [artifact for artifact in self.artifacts if artifact.run == run]

    def upload(self, run: int, name: str, content: bytes, *, zipped: bool = True) -> Artifact:
        """Store an artifact; raises `ActionFailed` if the run already has one of that name."""
        if any(artifact.name == name for artifact in self.artifacts_of(run)):
            raise ActionFailed(f"an artifact with the name {name} exists already on the run")
        artifact = Artifact(run, len(self.artifacts) + 1, name, content, zipped)
        self.artifacts.append(artifact)
        self.on_upload(artifact)
        return artifact


def upload(
    store: ArtifactStore, run: int, workspace: Path, name: str, paths: Sequence[str], *, missing: str, archive: bool
) -> tuple[Artifact | None, str]:
    """Emulate the upload action and return its log; raises `ActionFailed` if `missing` (if-no-files-found) requires it."""
    files = _files(workspace, paths)
    if not files:
        text = f"no files were found with the provided path: {', '.join(paths)}"
        if missing == "error":
            raise ActionFailed(text)
        return None, "" if missing == "ignore" else f"warning: {text}"
    if not archive:
        if len(files) > 1:
            raise ActionFailed("archive: false uploads a single file")
        artifact = store.upload(run, files[0].name, files[0].read_bytes(), zipped=False)
    else:
        artifact = store.upload(run, name or "artifact", _zipped(files, _common(files, workspace, paths)))
    return artifact, f"uploaded {artifact.name}: {len(artifact.content)} bytes, sha256:{hashlib.sha256(artifact.content).hexdigest()}"


def download(store: ArtifactStore, run: int, target: Path, *, name: str, pattern: str, merge: bool) -> str:
    """Emulate the download action: an artifact by name goes into the folder itself, several go into one folder each."""
    if name:
        found = [artifact for artifact in store.artifacts_of(run) if artifact.name == name]
        if not found:
            raise ActionFailed(f"artifact not found for name: {name}")
    else:
        found = [artifact for artifact in store.artifacts_of(run) if fnmatch.fnmatchcase(artifact.name, pattern or "*")]
    for artifact in found:
        folder = target if name or merge else target / artifact.name
        folder.mkdir(parents=True, exist_ok=True)
        if artifact.zipped:
            with zipfile.ZipFile(io.BytesIO(artifact.content)) as archive:
                archive.extractall(folder)
        else:
            (folder / artifact.name).write_bytes(artifact.content)
    return f"downloaded {len(found)} artifacts: {', '.join(artifact.name for artifact in found)}"


def _files(workspace: Path, paths: Sequence[str]) -> list[Path]:
    """Every file matched by the paths, without hidden ones."""
    files: set[Path] = set()
    for path in paths:
        start = workspace / path
        matches = [start] if start.exists() else list(workspace.glob(path)) if not Path(path).is_absolute() else []
        for match in matches:
            inside = [match] if match.is_file() else [file for file in match.rglob("*") if file.is_file()]
            files |= {file for file in inside if not any(part.startswith(".") for part in file.relative_to(match.parent).parts)}
    return sorted(files)


def _common(files: Sequence[Path], workspace: Path, paths: Sequence[str]) -> Path:
    """The root of the names in the archive: the common folder of all files, or the only folder given."""
    if len(paths) == 1 and (workspace / paths[0]).is_dir():
        return workspace / paths[0]
    named = [workspace / path for path in paths] if len(paths) > 1 else files
    return Path(os.path.commonpath([path.parent for path in named]))


def _zipped(files: Sequence[Path], root: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, str(PurePosixPath(file.relative_to(root))))
    return buffer.getvalue()
