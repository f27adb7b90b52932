"""Under GitHub Actions: what tests and pods write to pytest's terminal is no workflow command, only our own lines are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack

from kindgate.github.stopping import commands_stopped


class CommandGuard:
    """Stops the runner's commands from the session's start to its cleanup, but for the lines given to `say`."""

    def __init__(self, write_line: Callable[[str], object], env: Mapping[str, str]) -> None:
        self._write_line = write_line
        self._env = env
        self._stopped = ExitStack()

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

    def close(self) -> None:
        """Let the runner read commands again: nothing of others is printed any more."""
        self._stopped.close()
