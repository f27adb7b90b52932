"""Under GitHub Actions: what tests and pods write to pytest's terminal is no workflow command, only our own lines are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from kindgate.github.stopping import commands_stopped, in_actions

if TYPE_CHECKING:
    from kindgate.diagnostics.known_values import KnownValue


class CommandGuard:
    """Stops the runner's commands from the session's start to its cleanup, but for the lines given to `say`."""

    def __init__(self, write_line: Callable[[str], object], env: Mapping[str, str]) -> None:
        self._write_line = write_line
        self._env = env
        self._stopped = ExitStack()
        self._masked: set[str] = set()

    def stop(self) -> None:
        """Let the runner read no command from now on; a second call changes nothing."""
        self._stopped.close()
        self._stopped.enter_context(commands_stopped(self._write_line, self._env))

    def say(self, lines: Iterable[str]) -> None:
        """Write lines that the runner has to read as commands: all of them made by us, with what is foreign escaped."""
        self._stopped.close()
        for line in lines:
            self._write_line(line)
        self.stop()

    def mask(self, values: Iterable[KnownValue]) -> None:
        """Have the runner mask values in everything that this job prints from now on; short ones and common words are left out.

        Each line is a value of its own: of one with several lines the runner would mask every line, a lone brace too.
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
        """Let the runner read commands again: nothing of others is printed any more."""
        self._stopped.close()


def _escaped(text: str) -> str:
    """A value of one line as the runner reads it back (actions/toolkit, `packages/core/src/command.ts`)."""
    return text.replace("%", "%25").replace("\r", "%0D")
