"""Where the suite of another repository lives: a folder with a pytest.ini of its own, below the settings of nobody else's tests."""

from __future__ import annotations

import re
from pathlib import Path

SUITE_KEY = "kindgate_suite"
"""The ini key that says: everything below this file is kindgate's."""

NAMES = ("e2e", "kindgate-e2e")
"""Folders that a suite is generated into; the second where the first is taken."""

_PYTHON_TESTS = ("pytest.*", ".pytest.*", "conftest.py", "test_*.py", "*_test.py", "tests.py", "__init__.py")


def is_suite(folder: Path) -> bool:
    """Whether `folder` holds a suite that kindgate generated."""
    file = folder / "pytest.ini"
    return file.is_file() and re.search(rf"^{SUITE_KEY}\s*[=:]", file.read_text(errors="replace"), re.MULTILINE) is not None


def find_suite(folder: Path) -> Path:
    """The folder whose settings a command in `folder` uses: that of the suite generated there, else `folder` itself."""
    if is_suite(folder):
        return folder
    return next((folder / name for name in NAMES if is_suite(folder / name)), folder)


def suite_folder(folder: Path) -> Path:
    """Where the suite of the application in `folder` is, or will be: never among Python tests that are there already."""
    first, second = (folder / name for name in NAMES)
    found = find_suite(folder)
    if found != folder:
        return found
    taken = first.exists() and (not first.is_dir() or any(True for pattern in _PYTHON_TESTS for _ in first.glob(pattern)))
    return second if taken else first
