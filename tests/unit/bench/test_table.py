"""The page shows exactly the figures in the results file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.results import Results, read_results
from bench.table import BEGIN, END, details, goals_table, insert_generated, tables

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def results() -> Results:
    """The latest measurements."""
    return read_results()


def test_the_page_shows_the_goals_and_figures_of_the_last_run(results: Results) -> None:
    """It fails if a table was edited by hand, or the page was not updated after measuring."""
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert insert_generated(page, tables(results)) == page


def test_every_goal_is_shown_as_met_or_not_met(results: Results) -> None:
    """A missed goal is listed like the others and marked."""
    lines = goals_table(results).splitlines()
    for goal in results.goals:
        (line,) = [line for line in lines if line.startswith(f"| {goal.name} |")]
        assert line.endswith("| met |") is goal.met
        assert line.endswith("| **not met** |") is not goal.met


@pytest.mark.parametrize(("foreign", "kind"), [(0.25, "quiet"), (1.3, "busy")])
def test_the_most_disturbed_sample_decides_whether_the_machine_was_quiet(foreign: float, kind: str, results: Results) -> None:
    """One sample from a busy machine among quiet ones suffices, and is marked."""
    first, *others = results.open_loop
    changed = replace(results, open_loop=(replace(first, foreign=foreign), *others))
    assert f"A {kind} machine: others used up to {foreign:.2f} cores" in goals_table(changed)
    assert details(changed).count("**busy**") == (kind == "busy")


def test_a_file_of_results_is_read_as_it_was_written(results: Results, tmp_path: Path) -> None:
    """No figure changes in a round trip."""
    results.write(tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == results


def test_text_is_inserted_between_the_marks() -> None:
    """Inserting the same text twice gives the same page."""
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    once = insert_generated(page, "new")
    assert once == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert insert_generated(once, "new") == once


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_a_page_without_marks_is_rejected(page: str) -> None:
    """Otherwise the table would be lost silently."""
    with pytest.raises(ValueError, match="no place"):
        insert_generated(page, "new")
