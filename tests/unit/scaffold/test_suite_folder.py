"""The suite's folder: found again, and never one with a project's own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.scaffold.suite_folder import find_suite, is_suite, suite_folder


def write(file: Path, text: str = "") -> None:
    """Write a file and its parent folders."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("name", ["e2e/conftest.py", "e2e/test_login.py", "e2e/pytest.ini", "e2e/__init__.py", "e2e"])
def test_a_folder_with_python_tests_is_not_used(tmp_path: Path, name: str) -> None:
    """A pytest.ini in the project's test folder would override its settings, so another folder is used."""
    write(tmp_path / name)

    assert suite_folder(tmp_path) == tmp_path / "kindgate-e2e"


@pytest.mark.parametrize("name", ["README.md", "e2e/login.spec.ts", "tests/e2e/test_login.py"])
def test_other_files_do_not_occupy_the_usual_folder(tmp_path: Path, name: str) -> None:
    """Tests in another language are not affected, so the usual name is used."""
    write(tmp_path / name)

    assert suite_folder(tmp_path) == tmp_path / "e2e"


@pytest.mark.parametrize("name", ["e2e", "kindgate-e2e"])
def test_a_generated_suite_is_found(tmp_path: Path, name: str) -> None:
    """A generated suite is found even after tests were added to it."""
    write(tmp_path / name / "pytest.ini", "[pytest]\nkindgate_suite = true\n")
    write(tmp_path / name / "test_mine.py")

    assert suite_folder(tmp_path) == find_suite(tmp_path) == find_suite(tmp_path / name) == tmp_path / name


@pytest.mark.parametrize("text", ["[pytest]\n", "# kindgate_suite = true\n", "[pytest\n", ""])
def test_only_the_ini_key_marks_a_suite(tmp_path: Path, text: str) -> None:
    """Only the marker key identifies a suite; an unparsable file does not."""
    write(tmp_path / "pytest.ini", text)

    assert not is_suite(tmp_path)
