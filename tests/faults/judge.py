"""Compare the observed reaction to the expected one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from kindgate.report.run_report import RunReport
from tests.faults.fault import Fault, Outcome, Row


def evaluate(fault: Fault, outcome: Outcome, clean: float | None, leaked: dict[str, tuple[str, ...]], report: Path) -> Row:
    """The fault's row; `report` is the path of the run's report.json."""
    cause = _cause(fault.expected.cause_pattern, outcome.text)
    return Row(
        fault=fault.name,
        group=fault.group,
        expected=fault.requirements,
        seen=f"exit {outcome.exit_code}" + (f", reported {cause!r}" if cause else ""),
        gave_up=round(outcome.seconds, 1),
        clean=None if clean is None else round(clean, 1),
        leaked=leaked,
        problems=tuple(_problems(fault, outcome, clean, report)),
    )


def not_injected(fault: Fault, reason: str) -> Row:
    """The row of a fault that could not be injected."""
    return Row(fault.name, fault.group, fault.requirements, "not provoked", None, None, problems=(reason,))


def _problems(fault: Fault, outcome: Outcome, clean: float | None, report: Path) -> Iterator[str]:
    expected = fault.expected
    yield from outcome.problems
    if outcome.exit_code not in expected.exit_codes:
        yield f"exit code {outcome.exit_code}"
    if not re.search(expected.cause_pattern, outcome.text):
        yield f"no line reports {expected.cause_pattern!r}"
    if outcome.seconds > expected.within:
        yield f"gave up after {outcome.seconds:.1f} s"
    if clean is not None and clean > expected.clean_within:
        yield f"clean after {clean:.1f} s"
    if expected.report:
        try:
            RunReport.model_validate_json(report.read_bytes())
        except OSError as error:
            yield f"no report.json: {error.strerror}"
        except ValidationError as error:
            yield f"report.json is not valid: {error.errors()[0]}"


def _cause(pattern: str, text: str) -> str:
    """The line that contains the cause, shortened to fit a table."""
    match = re.search(pattern, text) if pattern else None
    if match is None:
        return ""
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    line = text[start : end if end >= 0 else len(text)].strip()
    return line if len(line) <= 160 else text[max(start, match.start() - 40) : match.end() + 80].strip()[:160]
