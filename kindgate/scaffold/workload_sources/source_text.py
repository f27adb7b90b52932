"""Read a source of load: a file or an address, JSON or YAML, with the position of each value for errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import requests
import yaml

from kindgate.errors import KindgateError, SettingsError, SloError
from kindgate.scaffold.workload_sources.source_positions import Pointer, json_position, yaml_position
from kindgate.source_location import Source

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

SIZE_LIMIT = 64 * 1024 * 1024
"""Maximum size of a source in bytes; the largest public OpenAPI documents have 12 MB."""

_FETCH_SECONDS = 60.0


class _Yaml12Loader(_SafeLoader):
    """Reads scalars as YAML 1.2 and JSON do: dates, `yes`, `12:30` and `010` are texts."""


_Yaml12Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}]
    for first, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml12Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Yaml12Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789"))
_Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"), list("-0123456789")
)


@dataclass(frozen=True)
class SourceText:
    """The text of a source and its name in errors: a path or an address."""

    name: str
    text: str

    @property
    def is_json(self) -> bool:
        """Whether the text is JSON rather than YAML."""
        return self.text.lstrip("\ufeff \t\r\n").startswith(("{", "["))

    def value(self) -> Any:  # noqa: ANN401  # a JSON value
        """The document. Raises `SloError` with line and column for invalid JSON or YAML."""
        try:
            return json.loads(self.text, parse_constant=_refuse_constant) if self.is_json else self._yaml()
        except json.JSONDecodeError as error:
            raise self.at(error.lineno, error.colno).error(f"invalid JSON: {error.msg}", 0, 1) from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise self.at(line, column).error(f"invalid YAML: {error.problem or error.context}", 0, 1) from error
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            raise SloError(f"{self.name}: cannot be read: {error}") from error

    def at(self, line: int, column: int = 1) -> Source:
        """The rest of a line from a position; both are counted from 1."""
        lines = self.text.splitlines()
        excerpt = lines[line - 1] if 0 < line <= len(lines) else ""
        return Source(excerpt[column - 1 :] or " ", self.name, line, column, excerpt or " ")

    def error(self, problem: str, pointer: Pointer, *, next_step: str = "") -> KindgateError:
        """The error for the value at `pointer`, or the closest one around it that exists."""
        line, column = json_position(self.text, pointer) if self.is_json else yaml_position(self.text, pointer)
        return self.at(line, column).error(problem, 0, 1, next_step=next_step)

    def _yaml(self) -> Any:  # noqa: ANN401  # a JSON value
        return yaml.load(self.text, Loader=_Yaml12Loader)  # noqa: S506  # a subclass of SafeLoader


def read_source(name: str, option: str) -> SourceText:
    """Read the file or the address `name`, the value of `option`.

    Raises `SettingsError` if it cannot be read, is not UTF-8, or exceeds `SIZE_LIMIT`.
    """
    data = _fetched(name, option) if is_address(name) else _file_bytes(Path(name), option)
    try:
        return SourceText(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{option} {name}: line {line} is not UTF-8", next_step="convert the file to UTF-8") from error


def is_address(name: str) -> bool:
    """Whether a source is an HTTP address rather than a file."""
    return name.startswith(("http://", "https://"))


def _file_bytes(path: Path, option: str) -> bytes:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            _refuse_size(option, str(path))
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{option} {path}: {error.strerror or error}", next_step="name a file that this user can read") from error


def _fetched(address: str, option: str) -> bytes:
    try:
        with requests.get(address, timeout=_FETCH_SECONDS, stream=True) as response:
            response.raise_for_status()
            data = bytearray()
            for chunk in response.iter_content(1 << 16):
                data += chunk
                if len(data) > SIZE_LIMIT:
                    _refuse_size(option, address)
            return bytes(data)
    except requests.RequestException as error:
        raise SettingsError(f"{option} {address}: {error}", next_step="download the document and name the file") from error


def _refuse_size(option: str, name: str) -> NoReturn:
    raise SettingsError(f"{option} {name}: larger than {SIZE_LIMIT // (1024 * 1024)} MB", next_step="use a part of it")


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
