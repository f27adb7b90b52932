"""What policies allow, for people: a sentence per requirement, and the page's matrix of connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kindgate.report.policy_records import ConnectionRow, PolicyRecord, PolicyRow
from kindgate.report.untrusted_text import UntrustedText, Words


@dataclass(frozen=True)
class Matrix:
    """Connections as a table: a row for each client, a column for each target; a cell that was not tried is empty."""

    targets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def policy_words(row: PolicyRow) -> Words:
    """`policy: deny stranger -> *: met by 3 connections`."""
    return ("policy: ", UntrustedText(row.requirement), ": ", UntrustedText(row.finding))


def matrix_of(connections: Sequence[ConnectionRow]) -> Matrix:
    """The matrix; a cell that the change opens or closes also has what was seen at the base."""
    targets = tuple(dict.fromkeys(f"{row.server}:{row.port}" for row in sorted(connections, key=lambda row: (row.server, row.port))))
    clients: dict[str, dict[str, str]] = {}
    for row in connections:
        clients.setdefault(row.client, {})[f"{row.server}:{row.port}"] = _cell(row)
    return Matrix(targets, tuple((client, tuple(cells.get(target, "") for target in targets)) for client, cells in clients.items()))


def matrices(records: Sequence[PolicyRecord]) -> tuple[tuple[PolicyRecord, Matrix], ...]:
    """Each record with its matrix, for a page."""
    return tuple((record, matrix_of(record.connections)) for record in records)


def _cell(row: ConnectionRow) -> str:
    if row.base is None or row.base == row.seen:
        return row.seen.value
    return f"{row.seen.value} (base: {row.base.value})"
