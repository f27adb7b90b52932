"""The table can be produced in parts."""

from __future__ import annotations

from pathlib import Path

from tests.faults.fault import Row
from tests.faults.table import add_rows, page, table

ROW = Row("oom", "cluster", "exit 17", "exit 17", 4.0, 4.5)


def test_a_later_row_replaces_the_same_faults_earlier_row(tmp_path: Path) -> None:
    """The other rows keep their places."""
    file = tmp_path / "artifacts" / "faults.json"
    add_rows(file, [Row("oom", "cluster", "exit 17", "exit 1", 4.0, None, {"volumes": ("v",)}, ("exit code 1",)), ROW_B])

    assert add_rows(file, [ROW]) == (ROW, ROW_B)
    assert add_rows(file, []) == (ROW, ROW_B)


def test_a_failed_row_shows_the_reason() -> None:
    """The row shows the deviation, or else the leftovers."""
    lines = table(
        [ROW, Row("a", "host", "x", "y", None, None, {}, ("too late",)), Row("b", "host", "x", "y", 1.0, None, {"files": ("/f",)})]
    )

    assert lines[1].endswith("pass")
    assert "FAIL: too late" in lines[2]
    assert "1 files" in lines[3]
    assert lines[3].endswith("FAIL: left behind: /f")


def test_a_page_escapes_a_runs_output() -> None:
    """Bars and angle brackets in a run's output do not break a cell."""
    lines = page([Row("a", "host", "reports 'x|y'", "exit 1, reported '<b>'", 1.0, 2.0)]).splitlines()

    assert lines[0].startswith("| fault | expected |")
    assert lines[2] == r"| a | reports 'x\|y' | exit 1, reported '&lt;b>' | 0 | 1.0 | 2.0 | pass |"


ROW_B = Row("crash", "cluster", "exit 17", "exit 17", 3.0, 3.5)
