"""A repository's layout: its root, the application's folder, the default branch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import CommandNotFound, SettingsError
from kindgate.host.command import run
from kindgate.scaffold.suite_folder import suite_folder
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class Repository:
    """A repository, the `folder` of the application in it, and the folder of its `suite`."""

    root: Path
    folder: Path
    suite: Path
    branch: str

    @property
    def directory(self) -> str:
        """The application's folder relative to the root: `.` for the root."""
        return self.folder.relative_to(self.root).as_posix()

    @property
    def slug(self) -> str:
        """Distinguishes this suite's files, artifacts, comment and check from those of other suites; empty for the root's."""
        return "" if self.folder == self.root else "-".join(self.folder.relative_to(self.root).parts).lower()


def find_repository(folder: Path, deadline: Deadline) -> Repository:
    """The repository around the application's `folder`; without git, the folder itself is the root.

    Raises `SettingsError` if the folder is missing.
    """
    absolute = folder.resolve()
    if not absolute.is_dir():
        raise SettingsError(
            f"--dir {folder}: folder not found", next_step="use the folder of one application, relative to the current folder"
        )
    root = Path(_git(absolute, deadline, "rev-parse", "--show-toplevel") or absolute).resolve()
    return Repository(
        root=root,
        folder=absolute,
        suite=suite_folder(absolute),
        branch=_default_branch(root, deadline),
    )


def _default_branch(root: Path, deadline: Deadline) -> str:
    """The remote's default branch, otherwise an existing branch with a usual name, otherwise the current one."""
    remote = _git(root, deadline, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if remote:
        return remote.removeprefix("origin/")
    branches = _git(root, deadline, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    usual = next((name for name in ("main", "master", "trunk") if name in branches), "")
    return usual or _git(root, deadline, "symbolic-ref", "--quiet", "--short", "HEAD") or "main"


def _git(folder: Path, deadline: Deadline, *arguments: str) -> str:
    """Output of a git command; empty if git is not installed or fails."""
    try:
        result = run(["git", "-C", folder, *arguments], deadline=deadline, check=False)
    except CommandNotFound:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
