"""What a repository is, as far as kindgate has to know: its root, the suite's folder, the default branch, what it builds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kindgate.adoption.pytest_config import PytestConfig, find_config
from kindgate.errors import CommandNotFound, SettingsError
from kindgate.host.command import run
from kindgate.waiting import Deadline

_REQUIREMENTS = ("requirements-dev.txt", "dev-requirements.txt", "requirements-test.txt", "requirements/dev.txt", "requirements.txt")
_BUILD_FILES = ("Dockerfile", "Containerfile")


@dataclass(frozen=True)
class Repository:
    """A repository and the suite in it. `requirements` is what the suite's tests need, empty where no file says it."""

    root: Path
    suite: Path
    branch: str
    config: PytestConfig | None
    requirements: str
    builds_image: bool

    @property
    def directory(self) -> str:
        """The suite's folder, from the root: `.` when it is the root."""
        return self.suite.relative_to(self.root).as_posix()

    @property
    def slug(self) -> str:
        """What tells this suite's files, artifacts, comment and check from those of other suites; empty for the root's."""
        return "" if self.suite == self.root else "-".join(self.suite.relative_to(self.root).parts).lower()


def look_around(folder: Path, deadline: Deadline) -> Repository:
    """The repository around the suite's `folder`; without git, the folder is taken for its root.

    Raises `SettingsError` when the folder is not there, or shares pytest's settings with the rest of the repository.
    """
    suite = folder.resolve()
    if not suite.is_dir():
        raise SettingsError(f"--dir {folder}: there is no such folder", next_step="name the folder of one suite, from the current one")
    root = Path(_git(suite, deadline, "rev-parse", "--show-toplevel") or suite).resolve()
    config = find_config(suite)
    if config is None:
        _refuse_shared_config(suite, root)
    return Repository(
        root=root,
        suite=suite,
        branch=_default_branch(root, deadline),
        config=config,
        requirements=next((name for name in _REQUIREMENTS if (suite / name).is_file()), ""),
        builds_image=any((suite / name).is_file() for name in _BUILD_FILES),
    )


def _refuse_shared_config(suite: Path, root: Path) -> None:
    """A file of the suite's own would hide the settings that its tests get from further up."""
    for folder in suite.parents:
        if not folder.is_relative_to(root):
            return
        shared = find_config(folder)
        if shared is not None:
            raise SettingsError(
                f"{suite.relative_to(root)} takes its pytest settings from {shared.path.relative_to(root)}, and one file holds one suite's",
                next_step=f"give {suite.relative_to(root)} a pytest.ini of its own first, or run init without --dir",
            )


def _default_branch(root: Path, deadline: Deadline) -> str:
    """What the remote says, or the branch that is usual and there, or the current one."""
    remote = _git(root, deadline, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if remote:
        return remote.removeprefix("origin/")
    branches = _git(root, deadline, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    usual = next((name for name in ("main", "master", "trunk") if name in branches), "")
    return usual or _git(root, deadline, "symbolic-ref", "--quiet", "--short", "HEAD") or "main"


def _git(folder: Path, deadline: Deadline, *arguments: str) -> str:
    """What git answers, or nothing where it is not installed or has no answer."""
    try:
        told = run(["git", "-C", folder, *arguments], deadline=deadline, check=False)
    except CommandNotFound:
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""
