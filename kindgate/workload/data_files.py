"""Everything that a workload takes from files and from the environment, read before anything is created.

File names are relative to the folder of the workload's document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kindgate.errors import SecretsMissing
from kindgate.load.json_schema import refuse_invalid_schema
from kindgate.load.variables import Choice, Constant, Counter, RandomInt, Rows, Uuid, Variable
from kindgate.workload.document_values import listed, pointing_at
from kindgate.workload.model import (
    CountedNumber,
    DataSource,
    EnvironmentValue,
    FileBody,
    FileRows,
    RandomChoice,
    RandomNumber,
    RandomUuid,
    Workload,
)
from kindgate.workload.names import requests_with_names, texts_of, written_requests
from kindgate.workload.placeholders import Reference, references
from kindgate.workload.row_files import Table, csv_table, json_table
from kindgate.yaml_document import Location

ROWS_BYTES: Final = 16 * 2**20
"""Maximum size of a file with rows."""

BODY_BYTES: Final = 8 * 2**20
"""Maximum size of a body: every unanswered request holds a copy."""

SCHEMA_BYTES: Final = 2**20
"""Maximum size of a JSON schema."""


@dataclass(frozen=True)
class WorkloadData:
    """What a workload takes from outside its document: `bodies` and `schemas` (JSON texts) by the name of their file."""

    variables: tuple[Variable, ...] = ()
    bodies: Mapping[str, bytes] = field(default_factory=dict)
    schemas: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that no output may show."""
        return tuple(str(variable.value) for variable in self.variables if isinstance(variable, Constant) and variable.secret)


def read_data_files(workload: Workload, environment: Mapping[str, str]) -> WorkloadData:
    """Read all files and variables. Columns that no request uses are left out.

    Raises `SloError` that names file and line for a file that cannot be used, and for a variable that is not set;
    `SecretsMissing` for a secret one.
    """
    bodies: dict[str, bytes] = {}
    schemas: dict[str, str] = {}
    for request, location in written_requests(workload):
        if isinstance(request.body, FileBody) and request.body.file not in bodies:
            bodies[request.body.file] = _content(workload, request.body.file, (*location, "body", "file"), BODY_BYTES)
        if isinstance(request.expect.schema, str) and request.expect.schema not in schemas:
            schemas[request.expect.schema] = _schema_file(workload, request.expect.schema, (*location, "expect", "schema"))
        elif request.expect.schema is not None and not isinstance(request.expect.schema, str):
            with pointing_at(workload.source(*location, "expect", "schema")):
                refuse_invalid_schema(json.dumps(request.expect.schema))
    columns = _used_columns(workload)
    variables = [_variable(workload, source, columns.get(source.name, {}), environment) for source in workload.data]
    return WorkloadData(tuple(variable for variable in variables if variable is not None), bodies, schemas)


def _used_columns(workload: Workload) -> dict[str, dict[str, tuple[Location, Reference]]]:
    """The columns in use by the name of their data, each with its first placeholder; "" for a value without columns."""
    used: dict[str, dict[str, tuple[Location, Reference]]] = {}
    for sent in requests_with_names(workload):
        for location, text in texts_of(sent.request, sent.location):
            for reference in references(text):
                used.setdefault(reference.value, {}).setdefault(reference.column, (location, reference))
    return used


def _variable(
    workload: Workload, source: DataSource, columns: Mapping[str, tuple[Location, Reference]], environment: Mapping[str, str]
) -> Variable | None:
    """The engine's form of a source; None for rows that no request uses."""
    match source:
        case FileRows():
            return _rows(workload, source, columns)
        case EnvironmentValue():
            return Constant(source.name, _environment_value(workload, source, environment), secret=source.secret)
        case RandomUuid():
            return Uuid(source.name)
        case CountedNumber():
            return Counter(source.name, source.start)
        case RandomNumber():
            return RandomInt(source.name, source.low, source.high)
        case RandomChoice():
            return Choice(source.name, source.values)


def _rows(workload: Workload, source: FileRows, columns: Mapping[str, tuple[Location, Reference]]) -> Rows | None:
    text = _text(workload, source.file, ("data", source.name, source.format), ROWS_BYTES)
    table = (csv_table if source.format == "csv" else json_table)(text, source.file)
    for column, (location, reference) in columns.items():
        if column not in table.columns:
            problem, advice = _missing_column(table, column, source.name)
            raise workload.source(*location).error(problem, reference.start, reference.end, next_step=advice)
    used = tuple(column for column in table.columns if column in columns)
    rows = table.select(used)
    return Rows(source.name, used, rows, source.order) if used else None


def _missing_column(table: Table, column: str, name: str) -> tuple[str, str]:
    if table.columns == ("",):
        return f"{table.file} holds single values without columns", f"write {{{name}}}"
    known = f"known columns: {listed(table.columns)}"
    return (f"{table.file} has no column {column!r}", known) if column else (f"{table.file} has columns, and none is named", known)


def _environment_value(workload: Workload, source: EnvironmentValue, environment: Mapping[str, str]) -> str:
    """The value of an environment variable; an empty secret is missing, because CI passes one that does not exist as empty."""
    value = environment.get(source.variable)
    if value or (value is not None and not source.secret):
        return value
    place = workload.source("data", source.name, "secret" if source.secret else "env")
    error = place.error(f"the environment variable {source.variable} is not set", next_step=f"set it: export {source.variable}=...")
    if not source.secret:
        raise error
    raise SecretsMissing(
        f"not judged: {error.message}",
        last_state=error.last_state,
        next_step=f"set it: export {source.variable}=...; in CI, pass it to the job as a secret",
    )


def _schema_file(workload: Workload, file: str, location: Location) -> str:
    text = _text(workload, file, location, SCHEMA_BYTES)
    with pointing_at(workload.source(*location)):
        refuse_invalid_schema(text)
    return text


def _text(workload: Workload, file: str, location: Location, limit: int) -> str:
    content = _content(workload, file, location, limit)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise workload.source(*location).error(f"{file}:{line}: not UTF-8", next_step="save the file as UTF-8") from error


def _content(workload: Workload, file: str, location: Location, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes."""
    source = workload.source(*location)
    path = workload.folder / file
    try:
        if path.exists() and not path.is_file():  # opening a pipe would block
            raise source.error(f"{file} is not a file")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise source.error(f"{file} cannot be read: {error.strerror}", next_step=f"looked for {path}") from error
    if len(content) > limit:
        raise source.error(f"{file} has more than {limit // 2**20} MiB")
    return content
