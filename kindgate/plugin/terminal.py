"""kindgate's output to pytest's terminal: a header line, progress while the pipeline works, and a section at the end.

Under GitHub Actions, the runner reads only kindgate's own lines as workflow commands, not the output of tests and pods.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kindgate.credentials import without_credentials
from kindgate.github.workflow_commands import commands_stopped, in_actions
from kindgate.settings import Settings

if TYPE_CHECKING:
    from kindgate.redaction.known_values import KnownValue


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


_GIT_SECONDS = 5.0


def header_line(settings: Settings, run_id: str, commit: str) -> str:
    """Cluster, node image, overlay, commit (omitted if unknown) and run."""
    cluster = settings.cluster
    cluster_text = f"cluster {settings.cluster_name}"
    if cluster.existing is not None:
        cluster_text = f"the cluster of {cluster.existing}"
    else:
        cluster_text += f", node image {cluster.node_image or f'from image source {settings.images.source}'}"
    parts = [cluster_text, f"overlay {settings.deploy.overlay}", *([f"commit {commit}"] if commit else []), f"run {run_id}"]
    return f"kindgate: {', '.join(parts)}"


def commit_of(root: Path) -> str:
    """The commit checked out in `root`, with a + if files differ from it; empty without one."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    return commit and commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *arguments: str) -> str:
    try:
        finished = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return finished.stdout.strip() if finished.returncode == 0 else ""


class CommandGuard:
    """Stop the runner's command processing from session start to cleanup, except for lines given to `write_commands`."""

    def __init__(self, write_line: Callable[[str], object], env: Mapping[str, str]) -> None:
        self._write_line = write_line
        self._env = env
        self._stopped = ExitStack()
        self._masked: set[str] = set()

    def stop(self) -> None:
        """Stop command processing; a second call changes nothing."""
        self._stopped.close()
        self._stopped.enter_context(commands_stopped(self._write_line, self._env))

    def write_commands(self, lines: Iterable[str]) -> None:
        """Write lines that the runner must read as commands: all of them kindgate's, with untrusted parts escaped."""
        self._stopped.close()
        for line in lines:
            self._write_line(line)
        self.stop()

    def mask(self, values: Iterable[KnownValue]) -> None:
        """Mask values in all further output of this job; short ones and common words are not masked.

        Each line is masked separately: for a value with several lines the runner would mask every line, even a lone brace.
        """
        if not in_actions(self._env):
            return
        lines = (replace(value, text=line) for value in values for line in value.text.splitlines())
        texts = dict.fromkeys(line.text.strip() for line in lines if line.maskable)
        new = [text for text in texts if text not in self._masked]
        if new:
            self._masked.update(new)
            self.write_commands(f"::add-mask::{_escaped(text)}" for text in new)

    def close(self) -> None:
        """Resume command processing: no more untrusted output follows."""
        self._stopped.close()


def _escaped(text: str) -> str:
    """Escape a one-line value for the runner (actions/toolkit, `packages/core/src/command.ts`)."""
    return text.replace("%", "%25").replace("\r", "%0D")
