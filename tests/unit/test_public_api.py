"""The names that users import from `kindgate`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kindgate

PACKAGE = Path(kindgate.__file__).parent


def test_each_public_name_is_defined_once_and_documented() -> None:
    """A public name is the object that its own module defines, and classes and functions have a docstring."""
    values = {name: getattr(kindgate, name) for name in kindgate.__all__}

    assert set(values) <= set(dir(kindgate))
    assert [name for name, value in values.items() if getattr(value, "__name__", name) != name] == []
    assert [name for name, value in values.items() if not isinstance(value, str) and not value.__doc__] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelled name fails as for any module."""
    with pytest.raises(AttributeError, match="Clutser"):
        getattr(kindgate, "Clutser")  # noqa: B009  # mypy refuses the plain attribute, as it must


def test_importing_the_package_imports_nothing_else() -> None:
    """Pytest imports `kindgate` in every run, so the public names must cost nothing until they are used."""
    code = "import sys, kindgate; print(*(name for name in sys.modules if name.startswith('kindgate.')))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert loaded.stdout.split() == []


def test_no_module_of_the_package_imports_from_its_root() -> None:
    """The root reexports the plugin's types: a module that imported them from there would import upward unnoticed."""
    submodules = {path.stem for path in PACKAGE.iterdir()}
    offenders = [
        f"{path.relative_to(PACKAGE)}: {alias.name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "kindgate"
        for alias in node.names
        if alias.name not in submodules
    ]

    assert offenders == []
