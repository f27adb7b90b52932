"""What commands write: progress to stderr, so that stdout holds the result alone, and text of others so that it commands nothing."""

from __future__ import annotations

import functools
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TextIO

from kindgate.credentials import without_credentials
from kindgate.github.stopping import commands_stopped


def stopwatch_progress() -> Callable[[str], None]:
    """A progress function that puts the seconds since now before each line, on stderr."""
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {shown(text)}", file=sys.stderr, flush=True)

    return progress


def shown(text: str) -> str:
    """The text without credentials, the values of secret-named variables, and what looks like a secret."""
    from kindgate.diagnostics.redact import Redactor  # noqa: PLC0415 - takes a tenth of a second
    from kindgate.diagnostics.secret_objects import environment_secrets  # noqa: PLC0415 - the same

    return Redactor(environment_secrets(os.environ)).text(without_credentials(text))


def foreign_output() -> AbstractContextManager[None]:
    """A block in which text of tests, pods and pull requests may be printed: GitHub's runner reads no command in it."""
    return commands_stopped(_tell_runner, os.environ)


def foreign(command: Callable[..., None]) -> Callable[..., None]:
    """A command that prints such text from its first line to its last."""

    @functools.wraps(command)
    def wrapper(**values: object) -> None:
        with foreign_output():
            command(**values)

    return wrapper


def _tell_runner(line: str) -> None:
    """Write one line wherever the runner reads: it reads both streams, in no fixed order, and what is redirected to a file not at all."""
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in _read_streams():
        print(line, file=stream, flush=True)


def _read_streams() -> Iterator[TextIO]:
    """Standard output and error, without those that end in a file, and once where both are the same."""
    seen: list[os.stat_result] = []
    for stream in (sys.stdout, sys.stderr):
        try:
            found = os.fstat(stream.fileno())
        except (OSError, ValueError):  # a stream of Python's own, such as a test's
            yield stream
            continue
        if not stat.S_ISREG(found.st_mode) and not any(os.path.samestat(found, one) for one in seen):
            seen.append(found)
            yield stream
