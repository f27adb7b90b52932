"""Results of tests, from the reports that the controller received."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pytest

from kindgate.plugin.session_state import BUNDLE_PROPERTY, CAUSE_PROPERTY, E2E, SCENARIO_PROPERTY
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT, TEXT_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.run_report import TestResult

_PHASES = frozenset({"setup", "call", "teardown"})
"""The phases that pytest names; a test whose xdist worker died has another value."""

_FAILURES = frozenset({"failed", "error"})

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]


def results_of(reports: Iterable[pytest.TestReport]) -> tuple[TestResult, ...]:
    """One result per test: the first phase that failed, otherwise its call. Seconds cover the phases up to that one."""
    results: dict[str, TestResult] = {}
    seconds: dict[str, float] = {}
    started: dict[str, float] = {}
    for report in reports:
        seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration
        begun = started.setdefault(report.nodeid, report.start)
        outcome = _outcome(report)
        known = results.get(report.nodeid)
        # a teardown often fails because the call did, whose error is the cause
        if outcome is not None and (known is None or (outcome != "passed" and known.outcome not in _FAILURES)):
            results[report.nodeid] = _result(report, outcome, begun, seconds[report.nodeid])
    return tuple(results.values())


def _result(report: pytest.TestReport, outcome: Outcome, started: float, seconds: float) -> TestResult:
    properties = {name: str(value) for name, value in report.user_properties}
    return TestResult(
        node_id=shortened(report.nodeid, LINE_LIMIT),
        outcome=outcome,
        seconds=seconds,
        started=started,
        phase=report.when if report.when in _PHASES else "call",
        error=shortened(_first_error_line(report), LINE_LIMIT),
        details=shortened(report.longreprtext, TEXT_LIMIT) if report.failed else "",
        cause=shortened(properties.get(CAUSE_PROPERTY, ""), LINE_LIMIT),
        scenario=shortened(properties.get(SCENARIO_PROPERTY, ""), LINE_LIMIT),
        bundle=shortened(properties.get(BUNDLE_PROPERTY, ""), NAME_LIMIT),
        e2e=E2E in report.keywords,
    )


def _outcome(report: pytest.TestReport) -> Outcome | None:
    expected = hasattr(report, "wasxfail")
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if report.skipped:
        return "xfailed" if expected else "skipped"
    if report.when == "call":
        return "xpassed" if expected else "passed"
    return None


def _first_error_line(report: pytest.TestReport) -> str:
    """The error in one line: pytest's crash message, or the first line of the report."""
    if not report.failed:
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    lines = [line.removeprefix("E ").strip() for line in str(text).splitlines() if line.strip()]
    return lines[0] if lines else ""
