"""The files that a locustfile needs elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import LoadError
from kindgate.load.locustfile_parts import locustfile_parts


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder / "users.py"


def test_modules_next_to_the_file_are_part_of_it(tmp_path: Path) -> None:
    """Those that its modules import too, each once, and even if they import each other."""
    users = _write(tmp_path, users="import one\nfrom two import NAME\n", one="import two.part\n", two="import users\n", other="")
    assert set(locustfile_parts(users).files) == {"users.py", "one.py", "two.py"}


def test_packages_are_what_no_module_is(tmp_path: Path) -> None:
    """Not the standard library, and not what an import in a block may do without."""
    optional = (
        "import os.path\nfrom locust import task\nimport numpy.random\ntry:\n    import absent\nexcept ImportError:\n    absent = None\n"
    )
    assert locustfile_parts(_write(tmp_path, users=optional)).packages == {"locust", "numpy"}


def test_a_module_that_is_no_python_is_an_error(tmp_path: Path) -> None:
    """The error names the module and its line."""
    with pytest.raises(LoadError, match=r"one\.py:2:"):
        locustfile_parts(_write(tmp_path, users="import one\n", one="\nclass (:\n"))


def test_a_name_that_no_configmap_can_hold_is_an_error(tmp_path: Path) -> None:
    """Keys of ConfigMaps are ASCII."""
    path = tmp_path / "bücher.py"
    path.write_text("")
    with pytest.raises(LoadError, match="cannot be sent to pods"):
        locustfile_parts(path)
