"""A fault's row passes only if everything is as expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.report.run_report import Outcome as RunOutcome
from kindgate.report.run_report import Run, RunReport
from tests.faults.fault import Expected, Fault, Outcome
from tests.faults.judge import evaluate

EXPECTED = Expected((2,), "out of memory", within=10.0, clean_within=20.0)
FAULT = Fault("oom", "cluster", EXPECTED, lambda _: Outcome(0, 0.0, ""))
GOOD = Outcome(2, 9.0, "first\ncause: out of memory: Pod a/b\nlast")


@pytest.fixture(name="report")
def _report(tmp_path: Path) -> Path:
    file = tmp_path / "report.json"
    file.write_text(RunReport(run=Run(id="1", started=0.0, seconds=1.0), outcome=RunOutcome.PASSED, exit_code=0).model_dump_json())
    return file


def test_a_run_without_deviations_passes(report: Path) -> None:
    """The row shows the line with the cause, and the times."""
    row = evaluate(FAULT, GOOD, 12.34, {}, report)

    assert row.passed
    assert (row.gave_up, row.clean) == (9.0, 12.3)
    assert row.seen == "exit 2, reported 'cause: out of memory: Pod a/b'"


@pytest.mark.parametrize(
    ("outcome", "clean", "problem"),
    [
        (Outcome(1, 9.0, GOOD.text), 12.0, "exit code 1"),
        (Outcome(2, 9.0, "nothing"), 12.0, "no line reports"),
        (Outcome(2, 11.0, GOOD.text), 12.0, "gave up after 11.0 s"),
        (GOOD, 21.0, "clean after 21.0 s"),
        (Outcome(2, 9.0, GOOD.text, ("bursts overlap",)), 12.0, "bursts overlap"),
    ],
)
def test_each_deviation_is_named(report: Path, outcome: Outcome, clean: float, problem: str) -> None:
    """Exit code, cause, both times and the scenario's own findings are checked."""
    row = evaluate(FAULT, outcome, clean, {}, report)

    assert not row.passed
    assert [found for found in row.problems if problem in found]


def test_leftovers_fail_the_row(report: Path) -> None:
    """A row fails even if the run itself did everything right."""
    assert not evaluate(FAULT, GOOD, None, {"volumes": ("v1",)}, report).passed


@pytest.mark.parametrize("text", [None, "{", '{"run": 1}'])
def test_an_invalid_report_fails_the_row(report: Path, text: str | None) -> None:
    """The report is missing, truncated or of another kind."""
    report.unlink()
    if text is not None:
        report.write_text(text)

    assert any("report.json" in problem for problem in evaluate(FAULT, GOOD, 12.0, {}, report).problems)
