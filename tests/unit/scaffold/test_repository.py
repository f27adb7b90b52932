"""Facts about a repository from git and the file system."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kindgate.errors import SettingsError
from kindgate.scaffold.repository import find_repository
from kindgate.waiting import Deadline


@pytest.fixture(name="repository")
def _repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", "-b", "trunk", str(tmp_path)], check=True, timeout=30)
    return tmp_path


def commit(folder: Path) -> None:
    """Create an empty commit so the branch exists."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True, timeout=30)


def test_the_root_is_the_git_root(repository: Path) -> None:
    """The root is git's, wherever the application is in the repository."""
    folder = repository / "services" / "A"
    folder.mkdir(parents=True)

    found = find_repository(folder, Deadline.after(30))

    assert (found.root, found.directory, found.slug) == (repository, "services/A", "services-a")
    assert found.suite == folder / "e2e"
    assert (find_repository(repository, Deadline.after(30)).slug, find_repository(repository, Deadline.after(30)).directory) == ("", ".")


def test_the_default_branch_is_the_remotes(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a clone, the remote's default branch; otherwise the current branch."""
    commit(repository)
    clone = tmp_path_factory.mktemp("clone")
    subprocess.run(["git", "clone", "--quiet", str(repository), str(clone)], check=True, timeout=30)
    subprocess.run(["git", "-C", str(clone), "checkout", "--quiet", "-b", "feature"], check=True, timeout=30)

    assert find_repository(repository, Deadline.after(30)).branch == "trunk"
    assert find_repository(clone, Deadline.after(30)).branch == "trunk"


def test_a_folder_without_git_is_the_root(tmp_path: Path) -> None:
    """An unpacked archive without git is its own root."""
    assert find_repository(tmp_path, Deadline.after(30)).root == tmp_path


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The error has the path as given."""
    with pytest.raises(SettingsError, match="nowhere"):
        find_repository(tmp_path / "nowhere", Deadline.after(30))
