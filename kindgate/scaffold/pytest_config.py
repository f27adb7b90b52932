"""The file that pytest reads its settings from."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import SettingsError

# In pytest's own order; the first file with the table is used (docs.pytest.org, "Configuration file formats").
_PLACES: tuple[tuple[str, str], ...] = (
    ("pytest.toml", "pytest"),
    (".pytest.toml", "pytest"),
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("pyproject.toml", "tool.pytest"),
    ("pyproject.toml", "tool.pytest.ini_options"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)
_OWN_FILES = frozenset({"pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"})
"""Files that are pytest's configuration even if empty."""


@dataclass(frozen=True)
class PytestConfig:
    """pytest's settings of a folder: the file, its table, and the values in ini form."""

    path: Path
    table: str
    values: Mapping[str, str]


Reads = Callable[[Path], str | None]
"""Returns the text of a file; None if it is missing."""


def find_config(folder: Path) -> PytestConfig | None:
    """Find the configuration that pytest reads in `folder` itself, or None; raises `SettingsError` if it cannot be parsed."""
    return find_config_by(lambda path: _text_of(path) if path.is_file() else None, folder)


def find_config_by(read: Reads, folder: Path) -> PytestConfig | None:
    """`find_config` for files that are not on this machine, such as those of another commit."""
    for name, table in _PLACES:
        path = folder / name
        text = read(path)
        if text is None:
            continue
        values = _table_values(text, path, table)
        if values is not None:
            return PytestConfig(path, table, values)
        if name in _OWN_FILES:
            return PytestConfig(path, table, {})
    return None


def _text_of(path: Path) -> str:
    """The file's text; in TOML, a byte order mark is kept, because TOML forbids it. Raises `SettingsError` if not UTF-8."""
    try:
        return path.read_text(encoding="utf-8" if path.suffix == ".toml" else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: byte {error.start} is not UTF-8", next_step="save it as UTF-8, or pytest cannot read it") from error


def _table_values(text: str, path: Path, table: str) -> Mapping[str, str] | None:
    """The values of a table, with lists joined by spaces; None if the file lacks the table. Raises `SettingsError`."""
    return _of_toml(text, path, table) if path.suffix == ".toml" else _of_ini(text, path, table)


def _of_ini(text: str, path: Path, table: str) -> Mapping[str, str] | None:
    from iniconfig import IniConfig, ParseError  # noqa: PLC0415  # pytest's own parser; the command line starts quicker without

    try:
        sections = IniConfig(str(path), data=text)
    except ParseError as error:
        raise SettingsError(f"{path}: {error}") from error
    return dict(sections[table].items()) if table in sections else None


def _of_toml(text: str, path: Path, table: str) -> Mapping[str, str] | None:
    try:
        found: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        mark = "it starts with a byte order mark, which TOML does not allow: " if text.startswith("\ufeff") else ""
        raise SettingsError(f"{path}: {mark}{error}") from error
    for part in table.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, dict) or (table == "tool.pytest" and set(found) == {"ini_options"}):
        return None
    return {key: " ".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in found.items()}
