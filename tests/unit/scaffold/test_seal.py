"""A pull request's files as data: none of its suite's code, and no path out of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import SettingsError
from kindgate.scaffold.seal import seal


def write(root: Path, files: dict[str, str]) -> Path:
    """Write a checkout with these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(name="base")
def _base(tmp_path: Path) -> Path:
    """The base: a suite and manifests."""
    return write(tmp_path / "base", {"e2e/pytest.ini": "[pytest]\nkindgate_suite = true\n", "e2e/slo.yaml": "base", "k8s/app.yaml": "base"})


def files(root: Path) -> dict[str, str]:
    """Return the files of a checkout."""
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_suite_comes_from_the_base_and_all_else_from_the_pull_request(base: Path, tmp_path: Path) -> None:
    """A conftest.py, objectives and settings from the pull request are neither run nor read."""
    new = {"k8s/app.yaml": "new", "k8s/more.yaml": "new"}
    judged = write(tmp_path / "judged", {"e2e/conftest.py": "evil", "e2e/pytest.ini": "evil", **new})

    assert seal(base, judged, "e2e") == ()

    assert files(judged) == {**files(base), **new}


@pytest.mark.parametrize("where", ["e2e", "k8s/secret.yaml", "deep/er/link"])
def test_links_are_deleted_but_not_their_targets(base: Path, tmp_path: Path, where: str) -> None:
    """Links are deleted but not followed, even if the suite's folder is one."""
    outside = write(tmp_path / "outside", {"pytest.ini": "outside"})
    judged = write(tmp_path / "judged", {"app.yaml": "new"})
    (judged / where).parent.mkdir(parents=True, exist_ok=True)
    (judged / where).symlink_to(outside)

    assert seal(base, judged, "e2e") == (where,)

    assert files(outside) == {"pytest.ini": "outside"}
    assert not any(path.is_symlink() for path in judged.rglob("*"))
    assert files(judged)["e2e/slo.yaml"] == "base"


def test_a_file_at_the_suites_path_is_removed(base: Path, tmp_path: Path) -> None:
    """Otherwise a pull request could avoid its verdict with an error that looks like kindgate's."""
    judged = write(tmp_path / "judged", {"e2e": "a file"})
    seal(base, judged, "e2e")
    assert files(judged)["e2e/slo.yaml"] == "base"


@pytest.mark.parametrize("suite", [".", "", "/etc", "../base", "k8s", "missing"])
def test_a_folder_without_a_suite_in_the_base_is_refused(base: Path, tmp_path: Path, suite: str) -> None:
    """A folder that is not a suite of the base is an error, and nothing is deleted."""
    judged = write(tmp_path / "judged", {"k8s/app.yaml": "new"})
    with pytest.raises(SettingsError):
        seal(base, judged, suite)
    assert files(judged) == {"k8s/app.yaml": "new"}
