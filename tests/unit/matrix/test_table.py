"""The matrix keeps the result of each cell, and a failing cell does not affect the other rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.matrix.cell import Cell, Result, Row, State, current_python, run_cell, run_pytest
from tests.matrix.table import add_row, page, read_rows

ORDER = [("Engine", "one"), ("Engine", "two"), ("Host", "three")]


def row(name: str, text: str = "4 passed", group: str = "Engine", state: str = "PASS") -> Row:
    """Return a row recorded on some day."""
    return Row(group, name, state, 12.3, text, "2026-01-01")


def test_rows_are_in_cell_order_with_the_latest_result(tmp_path: Path) -> None:
    """The order of the runs does not matter."""
    file = tmp_path / "results.json"
    for entry in (row("three", group="Host"), row("one", "old"), row("one", "new")):
        add_row(entry, ORDER, "a machine", file)

    assert [(entry.name, entry.text) for entry in read_rows(file)] == [("one", "new"), ("three", "4 passed")]


def test_a_removed_cells_row_is_dropped(tmp_path: Path) -> None:
    """The page lists nothing that cannot be tried again."""
    file = tmp_path / "results.json"
    add_row(row("gone"), [("Engine", "gone")], "a machine", file)

    assert [entry.name for entry in add_row(row("one"), ORDER, "a machine", file)] == ["one"]


def test_a_crashing_cell_is_a_failure(tmp_path: Path) -> None:
    """The row shows the reason."""

    def broken(folder: Path) -> Result:
        raise OSError(f"no space in {folder.name}")

    tested = run_cell(Cell("Host", "three", broken), tmp_path)

    assert tested.state == State.FAIL
    assert "no space" in tested.text


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize(
    ("body", "state"), [("def test_it(): pass", State.PASS), ("def test_it(): assert 0", State.FAIL), ("", State.FAIL), ("1/0", State.FAIL)]
)
def test_a_suite_passes_only_if_a_test_has_passed(body: str, state: State, tmp_path: Path) -> None:
    """A suite without tests, or an unreadable one, is not a PASS."""
    (tmp_path / "test_it.py").write_text(body)
    suite: list[str | Path] = [current_python(), "-m", "pytest", "-p", "no:cacheprovider", "-c", tmp_path / "pytest.ini", tmp_path]
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    assert run_pytest(suite, tmp_path / "folder", cwd=tmp_path).state == state


def test_the_page_has_a_table_for_each_group_and_escapes_results() -> None:
    """An unescaped pipe would end the cell."""
    text = page([row("one", "a | b"), row("three", "no such thing", "Host", "not seen")], "a machine")

    assert "## Engine" in text
    assert "## Host" in text
    assert "a \\| b" in text
    assert "| three | not seen |  |" in text
