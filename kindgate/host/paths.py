"""kindgate's two per-user folders: one disposable, one private."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from kindgate.errors import HostError


def cache_dir() -> Path:
    """Tools, compiled binaries and the installed engine: can be deleted at any time. `KINDGATE_CACHE_DIR` overrides it."""
    return _created_folder("KINDGATE_CACHE_DIR", platformdirs.user_cache_path("kindgate"), mode=0o755)


def state_dir() -> Path:
    """Kubeconfigs, ownership and logs of clusters: readable only by this user. `KINDGATE_STATE_DIR` overrides it."""
    folder = _created_folder("KINDGATE_STATE_DIR", platformdirs.user_state_path("kindgate"), mode=0o700)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _created_folder(variable: str, default: Path, *, mode: int) -> Path:
    """The folder named by the variable, or the default one, created if missing."""
    folder = Path(os.environ.get(variable) or default).absolute()
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(f"cannot use {folder}: {error.strerror}", next_step=f"set {variable} to a writable folder") from error
    return folder
