"""The artifacts of runs, with the rules of actions/upload-artifact and actions/download-artifact (v4 and newer)."""

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
    """An action ends its step with an error."""


@dataclass(frozen=True)
class Artifact:
    """What a run uploaded: an archive, or with `archive: false` a single file as it is."""

    run: int
    number: int
    name: str
    content: bytes
    zipped: bool = True


@dataclass
class ArtifactStore:
    """All artifacts of a repository; `on_upload` is called with each new one."""

    artifacts: list[Artifact] = field(default_factory=list)
    on_upload: Callable[[Artifact], None] = lambda _artifact: None

    def of_run(self, run: int) -> list[Artifact]:
        """What one run uploaded."""
        return [artifact for artifact in self.artifacts if artifact.run == run]

    def upload(self, run: int, name: str, content: bytes, *, zipped: bool = True) -> Artifact:
        """Keep an artifact; raises `ActionFailed` where the run has one of that name."""
        if any(artifact.name == name for artifact in self.of_run(run)):
            raise ActionFailed(f"an artifact with the name {name} exists already on the run")
        artifact = Artifact(run, len(self.artifacts) + 1, name, content, zipped)
        self.artifacts.append(artifact)
        self.on_upload(artifact)
        return artifact


def upload(
    store: ArtifactStore, run: int, workspace: Path, name: str, paths: Sequence[str], *, missing: str, archive: bool
) -> tuple[Artifact | None, str]:
    """What the upload action does, and what it prints; raises `ActionFailed` as `missing` (if-no-files-found) says."""
    files = _files(workspace, paths)
    if not files:
        text = f"no files were found with the provided path: {', '.join(paths)}"
        if missing == "error":
            raise ActionFailed(text)
        return None, "" if missing == "ignore" else f"warning: {text}"
    if not archive:
        if len(files) > 1:
            raise ActionFailed("archive: false uploads a single file")
        made = store.upload(run, files[0].name, files[0].read_bytes(), zipped=False)
    else:
        made = store.upload(run, name or "artifact", _zipped(files, _common(files, workspace, paths)))
    return made, f"uploaded {made.name}: {len(made.content)} bytes, sha256:{hashlib.sha256(made.content).hexdigest()}"


def download(store: ArtifactStore, run: int, target: Path, *, name: str, pattern: str, merge: bool) -> str:
    """What the download action does: one artifact by name into the folder itself, several into a folder each."""
    if name:
        found = [artifact for artifact in store.of_run(run) if artifact.name == name]
        if not found:
            raise ActionFailed(f"artifact not found for name: {name}")
    else:
        found = [artifact for artifact in store.of_run(run) if fnmatch.fnmatchcase(artifact.name, pattern or "*")]
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
    """Every file that the paths name; hidden ones are left out."""
    found: set[Path] = set()
    for path in paths:
        start = workspace / path
        matches = [start] if start.exists() else list(workspace.glob(path)) if not Path(path).is_absolute() else []
        for match in matches:
            inside = [match] if match.is_file() else [file for file in match.rglob("*") if file.is_file()]
            found |= {file for file in inside if not any(part.startswith(".") for part in file.relative_to(match.parent).parts)}
    return sorted(found)


def _common(files: Sequence[Path], workspace: Path, paths: Sequence[str]) -> Path:
    """The folder from which names in the archive count: that of all files, or the one folder that was named."""
    if len(paths) == 1 and (workspace / paths[0]).is_dir():
        return workspace / paths[0]
    named = [workspace / path for path in paths] if len(paths) > 1 else files
    return Path(os.path.commonpath([path.parent for path in named]))


def _zipped(files: Sequence[Path], root: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, str(PurePosixPath(file.relative_to(root))))
    return packed.getvalue()
