"""Terminal lines: aligned, plain and safe to print."""

from __future__ import annotations

import re

import pytest

from kindgate.model import Verdict
from kindgate.report.objective_records import EarlierLooks
from kindgate.report.plain_text import aligned, terminal_lines
from kindgate.report.run_report import RunReport
from tests.unit.report.conftest import CAPACITY


def test_verdict_cause_and_next_step_come_first(failing: RunReport) -> None:
    """The order matches the comment's."""
    first, second, third, *_ = terminal_lines(failing)
    assert first.endswith("FAIL: p(95)<50 of http_req_duration was 81.3 ms (limit 50 ms)")
    assert second == "cause: CPU throttling: foo was stopped in 41 % of its periods"
    assert third == "next:  see failures/test_slo_all in the artifacts; rerun it with pytest -m e2e"


def test_columns_are_aligned() -> None:
    """The second column starts at the same offset in every line."""
    assert aligned([("a", "b"), ("long", "c")]) == ["a     b", "long  c"]
    assert aligned([]) == []


@pytest.mark.parametrize("title", ["objectives", "resources under load", "phases"])
def test_tables_are_titled(passing: RunReport, setup_failed: RunReport, title: str) -> None:
    """A table without rows has no title."""
    assert title in terminal_lines(passing)
    assert (title in terminal_lines(setup_failed)) == (title == "phases")


def test_the_last_table_lists_evidence_of_each_failure(failing: RunReport, passing: RunReport) -> None:
    """The end of a log shows the evidence folder with the cause next to it."""
    lines = terminal_lines(failing)
    rows = lines[lines.index("evidence") + 2 :][: len(failing.failures)]

    assert failing.failures
    assert [bundle.path in row and bundle.cause in row for bundle, row in zip(failing.failures, rows, strict=True)] == [True] * len(rows)
    assert "evidence" not in terminal_lines(passing)


def test_the_comparison_has_a_separate_table(failing: RunReport) -> None:
    """Both absolute figures come with the change, its interval and the tolerance."""
    lines = terminal_lines(failing)
    start = lines.index("baseline and pull request")
    cells = re.split(r" {2,}", lines[start + 2].strip())
    assert cells == ["FAIL", "p(95)", "48.5 ms", "81.3 ms", "+67.5 %", "+51.0 % to +82.0 %", "10 %"]


def test_the_last_column_has_the_result_before_confirmation(failing: RunReport) -> None:
    """The column appears only if a confirmation round ran."""
    looks = EarlierLooks(verdict=Verdict.FAIL, change=0.3, low=0.2, high=0.4, pairs=20)
    row = failing.comparison[0].model_copy(update={"first": looks})
    lines = terminal_lines(failing.model_copy(update={"comparison": (row,)}))
    start = lines.index("baseline and pull request")
    assert lines[start + 1].endswith("before confirmation")
    assert lines[start + 2].endswith("FAIL: +30.0 % (+20.0 % to +40.0 %) in 20 pairs")


def test_escape_sequences_never_reach_the_terminal(passing: RunReport) -> None:
    """A test's name cannot color, clear or retitle the terminal."""
    objectives = tuple(one.model_copy(update={"metric": "\x1b[2J\r\u202e"}) for one in passing.objectives)
    text = "\n".join(terminal_lines(passing.model_copy(update={"objectives": objectives, "notes": ("\x1b]0;x\x07",)})))
    assert not {"\x1b", "\r", "\u202e", "\x07"} & set(text)
    assert r"\u001b[2J\r\u202e" in text


def test_a_capacity_shows_its_replicas_and_its_cost(passing: RunReport) -> None:
    """Rate, limit and cost in one line, then each workload; foreign names cannot control the terminal."""
    lines = terminal_lines(passing.model_copy(update={"capacity": (CAPACITY,)}))
    start = lines.index(
        "capacity: 800 requests and journeys per second within the objectives; at 1,000/s: too slow; "
        "2 ms of CPU time per request, so a million requests cost 0.05 at 0.09 per CPU-hour"
    )

    assert re.split(r" {2,}", lines[start + 2].strip()) == [r"api\u001b", "2", "400", "0.15", "5"]
