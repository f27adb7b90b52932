"""What commands write: progress to stderr, so that stdout holds the result alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def stopwatch_progress() -> Callable[[str], None]:
    """A progress function that puts the seconds since now before each line, on stderr."""
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {text}", file=sys.stderr, flush=True)

    return progress
