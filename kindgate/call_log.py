"""DEBUG records of calls to programs and servers: the call, its outcome, and how long it took.

All loggers are below `kindgate`, one per module, and all records are DEBUG. The package installs no handler: pytest's
`--log-cli-level` and `kindgate -v` show the records. Secrets are removed where records are created (`log_redaction.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CALLER = 3
"""Stack level of the block that makes the call, above `logged_call` and contextlib."""


class Call:
    """A call in progress."""

    def __init__(self) -> None:
        self.outcome: object = None
        """Set it to what the record shows, such as `exit code 0` or an HTTP status; otherwise it shows `done`."""


@contextmanager
def logged_call(logger: logging.Logger, subject: object) -> Iterator[Call]:
    """Log one DEBUG record when the block ends: `subject` (formatted only if logged), the outcome, and the seconds.

    An exception is added to the outcome by its class: its message might be long, and the caller reports it.
    """
    call = Call()
    started = time.monotonic()
    error = ""
    try:
        yield call
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        outcome = call.outcome if call.outcome is not None else "" if error else "done"
        words = f"{outcome}, then {error}" if outcome and error else outcome or error
        logger.debug("%s: %s in %.3f s", subject, words, time.monotonic() - started, stacklevel=_CALLER)
