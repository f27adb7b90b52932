"""The project that a command is run in: the ini values of its pytest configuration."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from kindgate.errors import SettingsError


def ini_values(root: Path) -> Mapping[str, str]:
    """The `[pytest]` section of pytest.ini, or pyproject.toml's `[tool.pytest.ini_options]`; empty when there is neither.

    Raises `SettingsError` for a file that cannot be parsed.
    """
    ini, pyproject = root / "pytest.ini", root / "pyproject.toml"
    if ini.is_file():
        return _of_ini(ini)
    if pyproject.is_file():
        return _of_pyproject(pyproject)
    return {}


def _of_ini(path: Path) -> Mapping[str, str]:
    from iniconfig import IniConfig, ParseError  # noqa: PLC0415  # pytest's own parser

    try:
        sections = IniConfig(str(path))
    except ParseError as error:
        raise SettingsError(f"{path}: {error}") from error
    return dict(sections["pytest"].items()) if "pytest" in sections else {}


def _of_pyproject(path: Path) -> Mapping[str, str]:
    try:
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    options = document.get("tool", {}).get("pytest", {}).get("ini_options", {})
    return {key: " ".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in options.items()}
