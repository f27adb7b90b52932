"""Takes secrets out of what pytest reports of a test, before the terminal, junit.xml and the HTML page show it."""

from __future__ import annotations

from typing import Protocol

import pytest


class Redacts(Protocol):
    """Takes secrets out of a text."""

    def text(self, text: str) -> str:
        """The text without secrets."""


def redact(report: pytest.TestReport | pytest.CollectReport, redactor: Redacts) -> None:
    """Change `report` so that no text of it holds a secret; one that holds none keeps pytest's own layout."""
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
