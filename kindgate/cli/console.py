"""What commands write: progress to stderr, so that stdout holds the result alone, and text of others so that it commands nothing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TextIO

from kindgate.github.stopping import commands_stopped


def stopwatch_progress() -> Callable[[str], None]:
    """A progress function that puts the seconds since now before each line, on stderr."""
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", file=sys.stderr, flush=True)

    return progress


def foreign_output(stream: TextIO | None = None) -> AbstractContextManager[None]:
    """A block in which text of tests, pods and pull requests may be printed: GitHub's runner reads no command in it.

    `stream` is where the text goes, stdout when it is not given.
    """
    return commands_stopped(lambda line: print(line, file=stream or sys.stdout, flush=True), os.environ)
