"""kindgate's output to pytest's terminal: progress while the pipeline works, and a section at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest

from kindgate.credentials import without_credentials


class Terminal:
    """Write through pytest's terminal reporter; silent without one (-p no:terminal)."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self.clean: Callable[[str], str] = without_credentials
        """Removes secrets from each line."""

    def progress(self, text: str) -> None:
        """Show one line immediately, even from inside a fixture, whose output pytest captures."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        self._write_uncaptured(reporter, f"[kindgate {time.monotonic() - self._started:6.1f} s] {self.clean(text)}")

    def command(self, line: str) -> None:
        """Write a line unchanged for GitHub's runner, never into pytest's capture: a mask command contains the secret."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            self._write_uncaptured(reporter, line)

    def _write_uncaptured(self, reporter: pytest.TerminalReporter, line: str) -> None:
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        if capture is None:
            self._write(reporter, line)
            return
        with self._lock, capture.global_and_fixture_disabled():  # another thread's line would end up in the captured text
            self._write(reporter, line)

    def line(self, text: str) -> None:
        """Write one line immediately, at the start of a terminal line."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            self._write(reporter, self.clean(text))

    def section(self, title: str, lines: Iterable[str]) -> None:
        """Write a titled section to pytest's summary."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        with suppress(OSError):
            reporter.section(title)
            for line in lines:
                reporter.write_line(self.clean(line))

    @staticmethod
    def _write(reporter: pytest.TerminalReporter, line: str) -> None:
        with suppress(OSError):  # a lost terminal must not fail the phase that reports its progress
            reporter.ensure_newline()
            reporter.write_line(line)
            reporter.flush()
