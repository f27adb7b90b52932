"""The matrix as JSON, to which single cells are added, and as the page `docs/support.md`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.matrix.cell import ROOT, Row, State

RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "support.md"

_HEAD = """# What kindgate was seen to run on

Made by `make matrix`, which tries each row on the machine that it runs on: {machine}.
A row is PASS when its suite passed, `refused` when kindgate says in one sentence that it cannot run there, before it creates anything, and
`not seen` with the reason when this machine cannot show it. Nothing is emulated. Rows keep what they were when they were last tried.
"""


def read_rows(file: Path = RESULTS) -> tuple[Row, ...]:
    """The stored rows."""
    return tuple(Row(**row) for row in json.loads(file.read_text(encoding="utf-8"))["rows"]) if file.exists() else ()


def add_row(row: Row, order: Sequence[tuple[str, str]], machine: str, file: Path = RESULTS) -> tuple[Row, ...]:
    """Store a row, replacing an older one of the same cell, and return all rows in the order of the cells."""
    by_cell = {(stored.group, stored.name): stored for stored in read_rows(file)} | {(row.group, row.name): row}
    rows = tuple(by_cell[cell] for cell in order if cell in by_cell)
    file.write_text(json.dumps({"machine": machine, "rows": [asdict(one) for one in rows]}, indent=1) + "\n", encoding="utf-8")
    return rows


def page(rows: Iterable[Row], machine: str) -> str:
    """The page, with one table per group."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    text = _HEAD.format(machine=machine)
    for group, of_group in groups.items():
        text += f"\n## {group}\n\n| {group} | State | Seconds | Seen | Day |\n|---|---|---|---|---|\n"
        text += "".join(f"| {' | '.join(_cells(row))} |\n" for row in of_group)
    return text


def _cells(row: Row) -> tuple[str, ...]:
    seconds = "" if row.state == State.NOT_TESTED else f"{row.seconds:.0f}"
    return (row.name, row.state, seconds, " ".join(row.text.replace("|", "\\|").replace("<", "&lt;").split()), row.day)
