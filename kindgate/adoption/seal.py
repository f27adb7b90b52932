"""Files of a pull request, made ready to be judged as data: nothing among them leads out of them, and the suite is the base's."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from kindgate.adoption.suite import is_suite
from kindgate.errors import SettingsError


def seal(base: Path, judged: Path, suite: str) -> tuple[str, ...]:
    """Replace the folder `suite` of `judged` by that of `base`, and delete every symbolic link; returns their paths.

    A suite is code that runs on this machine, with its settings and objectives; a link could make a program read files
    of this machine as manifests. The links of `base` are kept. Raises `SettingsError` where `base` has no suite of
    kindgate's there, or `suite` names no folder below the repository's own.
    """
    place = PurePosixPath(suite)
    if place.is_absolute() or ".." in place.parts or not place.parts:
        raise SettingsError(f"--dir {suite}: not a folder below the repository's", next_step="a sealed suite lives in a folder of its own")
    source = base / place
    if not is_suite(source):
        raise SettingsError(f"{source}: holds no suite that kindgate generated", next_step="`kindgate init` writes one: commit it first")
    links = sorted(path for path in judged.rglob("*") if path.is_symlink() and ".git" not in path.relative_to(judged).parts[:1])
    for link in links:
        link.unlink()
    target = judged / place
    _remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, symlinks=True)
    return tuple(link.relative_to(judged).as_posix() for link in links)


def _remove(path: Path) -> None:
    """Delete what is there, and what is in the way of the folder that is to come."""
    for parent in (*reversed(path.parents), path):
        if parent.is_file():
            parent.unlink()
    if path.is_dir():
        shutil.rmtree(path)
