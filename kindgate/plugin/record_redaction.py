"""Redact secrets where pytest creates its records: test and collection reports, log records, warnings, parameter names.

Terminal output, junit.xml, pages, log files and the data from xdist workers are all created from these records.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Generator
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from kindgate.log_redaction import RecordRedaction, Redacts


class Redaction:
    """The plugin object; `redactor` returns one for the secrets known so far, or None in a run that does not concern kindgate."""

    def __init__(self, redactor: Callable[[], Redacts | None]) -> None:
        self._redactor = redactor
        self._log_records = RecordRedaction(redactor)

    def pytest_configure(self) -> None:
        """Redact log records from now on."""
        self._log_records.install()

    def pytest_unconfigure(self) -> None:
        """Stop redacting log records."""
        self._log_records.restore()

    def pytest_make_parametrize_id(self, val: object) -> str | None:
        """Keep secrets out of parameter ids; None leaves the id to pytest."""
        redactor = self._redactor() if isinstance(val, str) else None
        clean = redactor.text(str(val)) if redactor is not None else val
        return str(clean) if clean != val else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Redact a module's output during import, and its import error."""
        report = yield
        self.clean(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Redact the report of a test's phase."""
        report = yield
        self.clean(report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Redact reports from workers again: the controller knows more secrets, and creates the reports of crashed workers."""
        self.clean(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: Any) -> None:  # noqa: ANN401 - warnings.WarningMessage has no typed constructor
        """Redact a warning's text; a message without secrets stays the same object."""
        redactor = self._redactor()
        if redactor is not None:
            text = str(warning_message.message)
            clean = redactor.text(text)
            if clean != text:
                warning_message.message = clean
            line = warning_message.line or linecache.getline(warning_message.filename, warning_message.lineno)
            warning_message.line = redactor.text(line)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Redact the properties of the whole suite, which reach junit.xml without any report."""
        xml, redactor = session.config.stash.get(xml_key, None), self._redactor()
        if xml is not None and redactor is not None:
            xml.global_properties = [(name, redactor.text(str(value))) for name, value in xml.global_properties]

    def clean(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Redact the secrets known so far from a report."""
        redactor = self._redactor()
        if redactor is not None:
            redact(report, redactor)


def redact(report: pytest.TestReport | pytest.CollectReport, redactor: Redacts) -> None:
    """Redact all texts of `report`; without a secret, it keeps pytest's own layout."""
    text = report.longreprtext
    clean = redactor.text(text)
    if clean != text:
        if isinstance(report.longrepr, tuple):
            path, line, reason = report.longrepr
            report.longrepr = (path, line, redactor.text(reason))
        else:
            report.longrepr = clean
    report.sections = [(title, redactor.text(content)) for title, content in report.sections]
    if isinstance(report, pytest.TestReport):
        report.user_properties = [
            (name, redactor.text(value) if isinstance(value, str) else value) for name, value in report.user_properties
        ]
