"""Location of another repository's suite: a folder with its own pytest.ini, separate from other tests and their settings."""

from __future__ import annotations

import re
from pathlib import Path

SUITE_KEY = "kindgate_suite"
"""The ini key that marks everything below its file as kindgate's."""

NAMES = ("e2e", "kindgate-e2e")
"""Folders to generate a suite into; the second is used if the first is taken."""

_PYTHON_TESTS = ("pytest.*", ".pytest.*", "conftest.py", "test_*.py", "*_test.py", "tests.py", "__init__.py")


def is_suite(folder: Path) -> bool:
    """Whether `folder` contains a suite that kindgate generated."""
    file = folder / "pytest.ini"
    return file.is_file() and re.search(rf"^{SUITE_KEY}\s*[=:]", file.read_text(errors="replace"), re.MULTILINE) is not None


def find_suite(folder: Path) -> Path:
    """The folder with the settings for a command in `folder`: the suite generated there, otherwise `folder` itself."""
    if is_suite(folder):
        return folder
    return next((folder / name for name in NAMES if is_suite(folder / name)), folder)


def suite_folder(folder: Path) -> Path:
    """The present or future folder of the suite for the application in `folder`: never one with existing Python tests."""
    first, second = (folder / name for name in NAMES)
    suite = find_suite(folder)
    if suite != folder:
        return suite
    taken = first.exists() and (not first.is_dir() or any(True for pattern in _PYTHON_TESTS for _ in first.glob(pattern)))
    return second if taken else first
