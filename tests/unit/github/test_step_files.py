"""`kindgate.github.step_files`: the job's summary file."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.errors import GitHubError
from kindgate.github.step_files import write_output, write_summary
from kindgate.report.markdown import SUMMARY_LIMIT, job_summary
from kindgate.report.run_report import RunReport, TestResult


def environment(path: Path) -> dict[str, str]:
    """The runner's environment for a step."""
    return {"GITHUB_STEP_SUMMARY": str(path)}


def test_the_page_is_appended(tmp_path: Path) -> None:
    """The page is appended to the output of other tools in the same step."""
    path = tmp_path / "summary.md"
    path.write_text("before")

    assert write_summary(lambda used: f"used {used}\n\n", environment(path)) == "job summary written"
    assert path.read_text() == "before\nused 8\n"


def test_earlier_content_of_the_step_summary_counts(tmp_path: Path, failing: RunReport) -> None:
    """GitHub drops a whole summary above 1 MiB, so the page is cut to the remaining space."""
    path = tmp_path / "summary.md"
    path.write_text("x" * (SUMMARY_LIMIT - 20_000))
    tests = tuple(TestResult(node_id=f"tests/e2e/test_x.py::test[{number}]", outcome="failed", seconds=0.1) for number in range(2000))
    report = failing.model_copy(update={"tests": tests})

    write_summary(lambda used: job_summary(report, used=used), environment(path))

    assert SUMMARY_LIMIT - 10_000 < path.stat().st_size <= SUMMARY_LIMIT


def test_a_full_summary_is_unchanged(tmp_path: Path, passing: RunReport) -> None:
    """A full summary is not changed, because GitHub would drop all of it."""
    path = tmp_path / "summary.md"
    path.write_text("x" * SUMMARY_LIMIT)

    line = write_summary(lambda used: job_summary(passing, used=used), environment(path))

    assert "full" in line
    assert path.stat().st_size == SUMMARY_LIMIT


def test_an_unwritable_summary_is_only_reported(tmp_path: Path) -> None:
    """An unwritable summary is only reported and does not change the run's result."""
    assert "cannot write" in write_summary(lambda _used: "page", environment(tmp_path))


def test_no_summary_is_written_outside_of_actions() -> None:
    """Without a summary file, nothing is rendered."""
    assert write_summary(lambda used: str(1 // (used - used)), {}) == ""


def test_an_output_is_appended_to_the_steps_file(tmp_path: Path) -> None:
    """An output is appended to those of other commands in the step."""
    file = tmp_path / "output"
    file.write_text("a=1\n")

    write_output("page", "pages/x.html", {"GITHUB_OUTPUT": str(file)})

    assert file.read_text() == "a=1\npage=pages/x.html\n"


def test_outside_of_a_step_nothing_is_written() -> None:
    """Outside of a step, nothing is written."""
    write_output("page", "x", {})


def test_a_value_cannot_become_two_outputs(tmp_path: Path) -> None:
    """Each line of the file is an output, so a value with a newline is an error."""
    with pytest.raises(GitHubError):
        write_output("page", "x\nbin=/evil", {"GITHUB_OUTPUT": str(tmp_path / "output")})
