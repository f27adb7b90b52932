"""Annotations: workflow commands that show failing tests on the run's page.

The escapes are those of GitHub's own toolkit (actions/toolkit, `packages/core/src/command.ts`).
"""

from __future__ import annotations

import re
from typing import Literal

from kindgate.report.decision import decide
from kindgate.report.headline import failing_tests
from kindgate.report.markdown_escape import visible_start
from kindgate.report.run_report import Outcome, RunReport

PER_STEP = 10
"""Number of annotations per level that GitHub shows for one step."""

_MESSAGE_LIMIT = 1000
_TITLE_LIMIT = 200
_TEST_FILE = re.compile(r"[A-Za-z0-9_./-]{1,200}\.py")

Level = Literal["error", "warning", "notice"]


def annotation_lines(report: RunReport) -> tuple[str, ...]:
    """Lines to print in GitHub Actions, to show failing tests on the run's page and next to the pull request's files."""
    if report.setup_error is not None:
        error = report.setup_error
        return (annotation("error", f"{error.message}\n{error.next_step}".strip(), title=f"{error.phase} failed"),)
    tests = failing_tests(report)
    shown = PER_STEP if len(tests) <= PER_STEP else PER_STEP - 1
    lines = [
        annotation("error", test.cause or test.error or f"{test.outcome} in {test.phase}", title=test.node_id, file=_file_of(test.node_id))
        for test in tests[:shown]
    ]
    if len(tests) > shown:
        lines.append(annotation("error", f"{len(tests) - shown} more tests failed: see the job summary", title="kindgate"))
    if not tests and report.outcome not in {Outcome.PASSED, Outcome.INTERRUPTED}:
        level: Level = "warning" if decide(report).may_merge else "error"
        lines.append(annotation(level, f"the run ended {report.outcome}: see the job summary for the cause", title="kindgate"))
    return tuple(lines)


def annotation(level: Level, message: str, *, title: str, file: str = "") -> str:
    """One workflow command; whatever `message` and `title` contain, it stays one line and one command."""
    properties = {"file": file, "title": visible_start(title, _TITLE_LIMIT)}
    written = ",".join(f"{name}={_escaped_property(value)}" for name, value in properties.items() if value)
    text = visible_start(message, _MESSAGE_LIMIT, keep="\n")
    return f"::{level} {written}::{_escaped(text)}"


def _file_of(node_id: str) -> str:
    """The test's file, if the node id names a plain one inside the repository."""
    path = node_id.partition("::")[0]
    return path if _TEST_FILE.fullmatch(path) and not path.startswith("/") and ".." not in path else ""


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
