"""Workflow commands under GitHub Actions: only kindgate's own lines are read as such, not the output of tests and pods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from kindgate.github.stopping import commands_stopped, in_actions

if TYPE_CHECKING:
    from kindgate.diagnostics.known_values import KnownValue


class CommandGuard:
    """Stop the runner's command processing from session start to cleanup, except for lines given to `say`."""

    def __init__(self, write_line: Callable[[str], object], env: Mapping[str, str]) -> None:
        self._write_line = write_line
        self._env = env
        self._stopped = ExitStack()
        self._masked: set[str] = set()

    def stop(self) -> None:
        """Stop command processing; a second call changes nothing."""
        self._stopped.close()
        self._stopped.enter_context(commands_stopped(self._write_line, self._env))

    def say(self, lines: Iterable[str]) -> None:
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
            self.say(f"::add-mask::{_escaped(text)}" for text in new)

    def close(self) -> None:
        """Resume command processing: no more untrusted output follows."""
        self._stopped.close()


def _escaped(text: str) -> str:
    """Escape a one-line value for the runner (actions/toolkit, `packages/core/src/command.ts`)."""
    return text.replace("%", "%25").replace("\r", "%0D")
