"""Standard output and error that stop no command: what cannot be encoded is escaped, and a reader that is gone is not missed.

Results are in their files by the time they are shown, and the exit code is the verdict's, so that losing the screen loses nothing.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

_GONE = frozenset({errno.EPIPE, errno.EIO, errno.ECONNRESET, errno.EBADF})
"""A pipe without a reader, a terminal that was closed."""


@contextmanager
def steady_streams() -> Iterator[None]:
    """A block in which writing to `sys.stdout` and `sys.stderr` raises no error."""
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", SteadyStream(stream)) for stream in kept)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = kept


class SteadyStream:
    """A text stream that goes on after errors; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        """The stream's own attribute."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write what can be written."""
        if not self._lost:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                self.write(text.encode(encoding, "backslashreplace").decode(encoding))
            except OSError as error:
                self._lose(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write every line."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what was written."""
        if not self._lost:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        """Write nowhere from now on: the interpreter flushes the stream at its end, which would fail again."""
        self._lost = True
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        if error.errno not in _GONE and sys.stderr is not self:
            print(f"kindgate: cannot write output: {error}", file=sys.stderr)
