"""Standard output and error that never stop a command: unencodable text is escaped, and a closed reader is ignored.

Results are already in their files when they are printed, and the exit code is the verdict's, so losing the terminal loses nothing.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

_GONE = frozenset({errno.EPIPE, errno.EIO, errno.ECONNRESET, errno.EBADF})
"""A pipe without a reader, or a closed terminal."""


@contextmanager
def steady_streams() -> Iterator[None]:
    """Keep writes to `sys.stdout` and `sys.stderr` from raising errors within the block."""
    originals = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", SteadyStream(stream)) for stream in originals)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = originals


class SteadyStream:
    """A text stream that survives write errors; everything else is the wrapped stream's."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        """The stream's own attribute."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, escaped if the encoding lacks a character."""
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
        """Flush, unless the stream is lost."""
        if not self._lost:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        """Write to the null device from now on: the interpreter flushes the stream at exit, which would fail again."""
        self._lost = True
        with suppress(OSError, ValueError):
            null_device = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null_device, self._stream.fileno())
            os.close(null_device)
        if error.errno not in _GONE and sys.stderr is not self:
            print(f"kindgate: cannot write output: {error}", file=sys.stderr)
