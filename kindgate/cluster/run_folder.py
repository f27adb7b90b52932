"""A run's private folder for its measurements, file lock and image archives. It is removed with the run, however the run ends."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from kindgate.host.paths import state_dir
from kindgate.process import Liveness, ProcessName, liveness

_PROCESS = "process.json"


def run_folder(run_id: str) -> Path:
    """The private folder of run `run_id`; `claim_run_folder` creates it."""
    return state_dir() / "runs" / run_id


def claim_run_folder(run_id: str) -> Path:
    """Create the folder for this process; once the process is dead, any run may remove it."""
    folder = run_folder(run_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _PROCESS).write_text(json.dumps(asdict(ProcessName.current())), encoding="utf-8")
    return folder


def remove_run_folder(folder: Path) -> None:
    """Remove a run's folder; any other folder is left untouched. Idempotent."""
    if folder.parent == state_dir() / "runs":
        shutil.rmtree(folder, ignore_errors=True)


def remove_dead_runs() -> tuple[str, ...]:
    """Remove the folders of provably dead runs, and return their names."""
    parent = state_dir() / "runs"
    folders = sorted(parent.iterdir()) if parent.is_dir() else []
    dead = [folder for folder in folders if _is_dead(folder)]
    for folder in dead:
        remove_run_folder(folder)
    return tuple(folder.name for folder in dead)


def _is_dead(folder: Path) -> bool:
    """Whether the folder's process has exited; a folder that names none may be about to be claimed."""
    try:
        process = ProcessName(**json.loads((folder / _PROCESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False
    return liveness(process) is Liveness.DEAD
