"""The table of faults, as text and as JSON, to which later runs of single faults add."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from kindgate.report.plain_text import aligned
from tests.faults.fault import Row

HEAD = ("fault", "expected", "seen", "leaked", "gave up s", "clean s", "")


def table(rows: Iterable[Row]) -> list[str]:
    """One line per fault, followed by the problems if it failed."""
    cells: list[Sequence[str]] = [HEAD, *(_cells(row) for row in rows)]
    return aligned(cells)


def page(rows: Iterable[Row]) -> str:
    """The table as Markdown."""
    cells = [(*HEAD[:-1], "verdict"), ("---",) * len(HEAD), *(_cells(row) for row in rows)]
    return "".join(f"| {' | '.join(_escaped(cell) for cell in row)} |\n" for row in cells)


def _escaped(cell: str) -> str:
    """Text escaped for a cell of a Markdown table."""
    return " ".join(cell.replace("|", "\\|").replace("<", "&lt;").split())


def add_rows(file: Path, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Write the rows to the file, replacing older ones of the same faults, and return all rows in it."""
    all_rows = {row.fault: row for row in _read(file)} | {row.fault: row for row in rows}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([{**asdict(row), "passed": row.passed} for row in all_rows.values()], indent=1) + "\n", encoding="utf-8")
    return tuple(all_rows.values())


def _read(file: Path) -> list[Row]:
    if not file.exists():
        return []
    rows = json.loads(file.read_text(encoding="utf-8"))
    fields = [{name: value for name, value in row.items() if name != "passed"} for row in rows]
    return [
        Row(**{**row, "leaked": {kind: tuple(names) for kind, names in row["leaked"].items()}, "problems": tuple(row["problems"])})
        for row in fields
    ]


def _cells(row: Row) -> tuple[str, ...]:
    leaked = ", ".join(f"{len(names)} {kind}" for kind, names in row.leaked.items()) or "0"
    verdict = "pass" if row.passed else "FAIL: " + ("; ".join(row.problems) or "left behind: " + "; ".join(sum(row.leaked.values(), ())))
    return (row.fault, row.expected, row.seen, leaked, _seconds(row.gave_up), _seconds(row.clean), verdict)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
