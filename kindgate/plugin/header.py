"""The first line of a run: what will be judged, and where."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kindgate.settings import Settings

_GIT_SECONDS = 5.0


def header_line(settings: Settings, run_id: str, commit: str) -> str:
    """Cluster, node image, overlay, commit (omitted if unknown) and run."""
    cluster = settings.cluster
    where = f"cluster {settings.cluster_name}"
    if cluster.existing is not None:
        where = f"the cluster of {cluster.existing}"
    else:
        where += f", node image {cluster.node_image or f'from image source {settings.images.source}'}"
    said = [where, f"overlay {settings.deploy.overlay}", *([f"commit {commit}"] if commit else []), f"run {run_id}"]
    return f"kindgate: {', '.join(said)}"


def commit_of(root: Path) -> str:
    """The commit checked out in `root`, with a + if files differ from it; empty without one."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    return commit and commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
