"""Rows from CSV and JSON texts. Pure. Errors name file and line, and never quote the content.

CSV has a header line (RFC 4180, or separated by semicolons or tabs); its values are texts. JSON is a list of objects, or of
single values, and keeps its types.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kindgate.errors import SloError
from kindgate.load.variables import Scalar

ROWS_LIMIT: Final = 100_000
"""Maximum number of rows: each is sent to every generator of every burst."""

_SEPARATORS: Final = (",", ";", "\t")
_JSON_EXAMPLE: Final = 'write a list of objects, as in [{"id": 1}, {"id": 2}]'
_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Table:
    """The rows of `file`, each with its line and its values by column; single values are in a column named ""."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, Any]], ...]

    def select(self, columns: Sequence[str]) -> tuple[tuple[Scalar, ...], ...]:
        """The values of `columns`, row by row. Raises `SloError` for a row that lacks one, and for an object or a list."""
        return tuple(tuple(self._scalar(line, row, column) for column in columns) for line, row in self.rows)

    def _scalar(self, line: int, row: Mapping[str, Any], column: str) -> Scalar:
        if column not in row:
            raise SloError(f"{self.file}:{line}: the object has no {column!r}", next_step="give every object the same members")
        value: Scalar = row[column]
        if isinstance(value, dict | list):
            kind = "an object" if isinstance(value, dict) else "a list"
            raise SloError(f"{self.file}:{line}: {column!r} is {kind}", next_step="use texts, numbers, true, false or null")
        return value


def csv_table(text: str, file: str) -> Table:
    """The rows of a CSV text. Raises `SloError` for malformed rows, a column without a name, and a text without rows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise SloError(f"{file}:{reader.line_num}: not CSV: {error}", next_step='double inner quotes: "a ""b"" c"') from error
    if len(lines) < 2:
        raise SloError(f"{file}:1: no rows", next_step="write the names of the columns in the first line, then one row per line")
    columns = tuple(name.strip() for name in lines[0][1])
    for number, name in enumerate(columns, 1):
        if not name:
            raise SloError(f"{file}:1: column {number} has no name")
        if name in columns[: number - 1]:
            raise SloError(f"{file}:1: two columns are named {name!r}")
    for line, row in lines[1:]:
        if len(row) != len(columns):
            raise SloError(f"{file}:{line}: {len(row)} values for {len(columns)} columns", next_step="quote values with a separator")
    return _limited(Table(file, columns, tuple((line, dict(zip(columns, row, strict=True))) for line, row in lines[1:])))


def json_table(text: str, file: str) -> Table:
    """The rows of a JSON text. Raises `SloError` for anything but a list of objects or a list of other values."""
    items = tuple(_items(text, file))
    if not items:
        raise SloError(f"{file}:1: the list is empty", next_step="add at least one object or value")
    objects = [isinstance(item, dict) for _, item in items]
    if not any(objects):
        return _limited(Table(file, ("",), tuple((line, {"": item}) for line, item in items)))
    if not all(objects):
        line = items[objects.index(not objects[0])][0]
        raise SloError(f"{file}:{line}: the list mixes objects and other values", next_step="write either objects or single values")
    columns = tuple(dict.fromkeys(key for _, item in items for key in item))
    return _limited(Table(file, columns, items))


def _limited(table: Table) -> Table:
    if len(table.rows) > ROWS_LIMIT:
        raise SloError(f"{table.file}: {len(table.rows):,} rows, more than {ROWS_LIMIT:,}", next_step="keep a sample of the rows")
    return table


def _separator(text: str) -> str:
    """The separator that the header line contains most often; a comma without any."""
    return max(_SEPARATORS, key=text.partition("\n")[0].count)


def _items(text: str, file: str) -> Iterator[tuple[int, Any]]:
    """The items of a JSON list, each with the line that it starts in."""
    line, counted = 1, 0
    try:
        for position, value in _decoded_items(text):
            line, counted = line + text.count("\n", counted, position), position
            yield line, value
    except json.JSONDecodeError as error:
        raise SloError(f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}", next_step=_JSON_EXAMPLE) from error
    except (ValueError, RecursionError) as error:  # a constant such as NaN, an integer with too many digits, deep nesting
        raise SloError(f"{file}: not JSON after line {line}: {error}", next_step=_JSON_EXAMPLE) from error


def _decoded_items(text: str) -> Iterator[tuple[int, Any]]:
    """The items of a JSON list, each with the position of its first character."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        raise json.JSONDecodeError("expected a list", text, position)
    position = _skip(text, position + 1)
    while text[position : position + 1] != "]":
        value, end = decoder.raw_decode(text, position)
        yield position, value
        position = _skip(text, end)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        elif text[position : position + 1] != "]":
            raise json.JSONDecodeError("expected a comma or the end of the list", text, position)
    if text[position + 1 :].strip():
        raise json.JSONDecodeError("text after the list", text, position + 1)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")
