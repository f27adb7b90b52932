"""`kindgate.github.annotations`: workflow commands, and untrusted text that must not become one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.github.annotations import annotation, annotation_lines
from kindgate.report.run_report import Outcome, RunReport, SetupError, TestResult


def test_a_failing_test_is_annotated_at_its_file(failing: RunReport) -> None:
    """The annotation has the test's title, file and message; passing tests have none."""
    assert annotation_lines(failing) == ("::error file=tests/e2e/test_slo.py,title=tests/e2e/test_slo.py%3A%3Atest_slo::p(95)<50: 81 ms",)


def test_a_passing_run_is_not_annotated(passing: RunReport) -> None:
    """A passing run has no annotation."""
    assert annotation_lines(passing) == ()


def test_annotations_stay_within_githubs_limit(failing: RunReport) -> None:
    """GitHub shows ten annotations of a kind per step, so the tenth counts the remaining failures."""
    tests = tuple(TestResult(node_id=f"tests/e2e/test_x.py::test[{number}]", outcome="failed", seconds=0.1) for number in range(10_000))

    lines = annotation_lines(failing.model_copy(update={"tests": tests}))

    assert len(lines) == 10
    assert "9991 more tests failed" in lines[-1]


def test_a_failed_setup_is_one_annotation(failing: RunReport) -> None:
    """A failed setup fails all tests, but is annotated once."""
    error = SetupError(phase="deploy", message="no image", next_step="build it")

    lines = annotation_lines(failing.model_copy(update={"outcome": Outcome.SETUP_FAILED, "setup_error": error}))

    assert lines == ("::error title=deploy failed::no image%0Abuild it",)


@pytest.mark.parametrize(("exit_code", "level"), [(0, "warning"), (21, "error")])
def test_a_run_without_a_verdict_is_annotated(passing: RunReport, exit_code: int, level: str) -> None:
    """A run without a verdict is annotated at the level of its exit code."""
    (line,) = annotation_lines(passing.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "exit_code": exit_code}))

    assert line.startswith(f"::{level} ")


@pytest.mark.parametrize("node_id", ["/etc/passwd.py::x", "../x.py::x", "a b.py::x", "x.py%0A::x", "C:x.py::x"])
def test_an_unusual_path_is_not_annotated_as_a_file(failing: RunReport, node_id: str) -> None:
    """Only a plain path inside the repository is used as the test's file."""
    test = TestResult(node_id=node_id, outcome="failed", seconds=0.1)

    (line,) = annotation_lines(failing.model_copy(update={"tests": (test,)}))

    assert "file=" not in line


def test_text_that_looks_like_an_escape_is_unchanged() -> None:
    """The runner decodes `%0A` as a newline, so a literal percent sign is escaped."""
    assert annotation("error", "100 %0A::debug::x", title="50 %") == "::error title=50 %25::100 %250A::debug::x"


@given(st.text(), st.text())
def test_no_text_can_leave_its_command(message: str, title: str) -> None:
    """Any text stays inside one command on one line, without invisible characters."""
    line = annotation("error", message, title=title)

    assert len(line.splitlines()) == 1
    found = re.fullmatch(r"::error (title=[^:,]*)?::(.*)", line)
    assert found is not None
    assert not set(line) & {"\u202e", "\u200b", "\x1b", "\r", "\n"}
