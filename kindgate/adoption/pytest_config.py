"""The file that pytest reads its settings from."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import SettingsError

# In pytest's own order; the first file that has the table is the one (docs.pytest.org, "Configuration file formats").
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
"""Files that are pytest's configuration even where they hold nothing."""


@dataclass(frozen=True)
class PytestConfig:
    """pytest's settings of a folder: the file, the table in it, and its values as an ini file would have them."""

    path: Path
    table: str
    values: Mapping[str, str]


Reads = Callable[[Path], str | None]
"""The text of a file; None where there is no such file."""


def find_config(folder: Path) -> PytestConfig | None:
    """What pytest would read in `folder` itself, or None; raises `SettingsError` for a file that cannot be parsed."""
    return find_config_by(lambda path: _text_of(path) if path.is_file() else None, folder)


def find_config_by(read: Reads, folder: Path) -> PytestConfig | None:
    """The same of files that are not on this machine, such as those of another commit."""
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
    """The file's text; a byte order mark stays in TOML, which allows none. Raises `SettingsError` for what is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8" if path.suffix == ".toml" else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: byte {error.start} is not UTF-8", next_step="save it as UTF-8, or pytest cannot read it") from error


def _table_values(text: str, path: Path, table: str) -> Mapping[str, str] | None:
    """The values of a table, lists joined by spaces; None when the file has no such table. Raises `SettingsError`."""
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
