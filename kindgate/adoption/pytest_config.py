"""The file that pytest reads its settings from, and settings added to it without touching anything else in it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
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

_TESTPATHS = "testpaths"


@dataclass(frozen=True)
class PytestConfig:
    """pytest's settings of a folder: the file, the table in it, and its values as an ini file would have them."""

    path: Path
    table: str
    values: Mapping[str, str]

    @property
    def toml(self) -> bool:
        """Whether the file is TOML, and not an ini file."""
        return self.path.suffix == ".toml"


def find_config(folder: Path) -> PytestConfig | None:
    """What pytest would read in `folder` itself, or None; raises `SettingsError` for a file that cannot be parsed."""
    for name, table in _PLACES:
        path = folder / name
        if not path.is_file():
            continue
        values = table_values(path.read_text(), path, table)
        if values is not None:
            return PytestConfig(path, table, values)
        if name in _OWN_FILES:
            return PytestConfig(path, table, {})
    return None


def table_values(text: str, path: Path, table: str) -> Mapping[str, str] | None:
    """The values of a table, lists joined by spaces; None when the file has no such table. Raises `SettingsError`."""
    return _of_toml(text, path, table) if path.suffix == ".toml" else _of_ini(text, path, table)


def merged(config: PytestConfig, text: str, wanted: Mapping[str, str], test_path: str) -> str:
    """`text` of the configuration file with `wanted` settings that it lacks, and `test_path` among its testpaths.

    A setting that is there keeps its value. Raises `SettingsError` when the file is written in a way in which this
    cannot be done safely; then a person has to.
    """
    missing = {key: value for key, value in wanted.items() if key not in config.values}
    changed = _with_test_path(config, text, test_path)
    changed = _with_settings(config, changed, missing) if missing else changed
    expected = {**config.values, **missing}
    if _lacks(config.values, test_path):
        expected[_TESTPATHS] = f"{config.values[_TESTPATHS]} {test_path}"
    if not _holds(changed, config, expected):
        lines = "; ".join(f"{key} = {value}" for key, value in expected.items() if config.values.get(key) != value)
        raise SettingsError(
            f"{config.path}: settings cannot be added to it safely", next_step=f"add them by hand, then call init again: {lines}"
        )
    return changed


def _holds(text: str, config: PytestConfig, expected: Mapping[str, str]) -> bool:
    """Whether the changed file can be read, and has these values and no others."""
    try:
        found = table_values(text, config.path, config.table) or {}
    except SettingsError:
        return False
    return {key: value.split() for key, value in found.items()} == {key: value.split() for key, value in expected.items()}


def _lacks(values: Mapping[str, str], test_path: str) -> bool:
    """Whether the suite names its test folders, and none of them holds `test_path`."""
    named = values.get(_TESTPATHS, "").split()
    return bool(named) and not any(Path(test_path).is_relative_to(path) for path in named)


def _with_test_path(config: PytestConfig, text: str, test_path: str) -> str:
    if not _lacks(config.values, test_path):
        return text
    start, end = _section(config, text)
    quoted = json.dumps(test_path)
    section = text[start:end]
    if config.toml:
        listed = re.compile(r"^(testpaths\s*=\s*\[[^\]#]*?),?(\s*\])", re.MULTILINE)
        section = listed.sub(lambda found: f"{found[1]}, {quoted}{found[2]}", section, count=1)
        section = re.sub(
            r'^(testpaths\s*=\s*")([^"\n]*)"', lambda found: f'{found[1]}{found[2]} {test_path}"', section, count=1, flags=re.MULTILINE
        )
    else:
        several = re.compile(r"^(testpaths\s*[=:][^\n]*(?:\n[ \t]+[^\n]+)+)", re.MULTILINE)
        one = re.compile(r"^(testpaths\s*[=:][^\n]+)$", re.MULTILINE)
        indented = several.search(section)
        if indented:
            margin = re.findall(r"\n([ \t]+)", indented[1])[-1]
            section = several.sub(lambda found: f"{found[1]}\n{margin}{test_path}", section, count=1)
        else:
            section = one.sub(lambda found: f"{found[1].rstrip()} {test_path}", section, count=1)
    return text[:start] + section + text[end:]


def _with_settings(config: PytestConfig, text: str, settings: Mapping[str, str]) -> str:
    lines = [f"{key} = {json.dumps(value) if config.toml else value}" for key, value in settings.items()]
    start, end = _section(config, text)
    section = text[start:end]
    if not section:
        section = f"[{config.table}]\n"
    kept = section.rstrip("\n")
    return text[:start] + "\n".join([kept, *lines]) + "\n" + section[len(kept) + 1 :] + text[end:]


def _section(config: PytestConfig, text: str) -> tuple[int, int]:
    """Where the table's lines begin (its header included) and end; both at the text's end when it is not there."""
    headers = list(_headers(text))
    for number, (name, start) in enumerate(headers):
        if name == config.table:
            return start, headers[number + 1][1] if number + 1 < len(headers) else len(text)
    return len(text), len(text)


def _headers(text: str) -> Iterator[tuple[str, int]]:
    for found in re.finditer(r"^\[{1,2}\s*([^\[\]\n]+?)\s*\]{1,2}[ \t]*(?:#[^\n]*)?$", text, re.MULTILINE):
        yield re.sub(r"[\"']|\s*(\.)\s*", r"\1", found[1]), found.start()


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
        raise SettingsError(f"{path}: {error}") from error
    for part in table.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, dict) or (table == "tool.pytest" and set(found) == {"ini_options"}):
        return None
    return {key: " ".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in found.items()}
