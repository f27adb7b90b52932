"""Redact log records at creation, for every handler, present or future.

pytest's handlers are on the root logger and feed reports, so a handler or filter of kindgate's own would be too late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol


class Redacts(Protocol):
    """Removes secrets from a text."""

    def text(self, text: str) -> str:
        """The text without secrets."""


class RecordRedaction:
    """Redacts the records of this process between `install` and `restore`; `redactor` returns None for a process without secrets."""

    def __init__(self, redactor: Callable[[], Redacts | None]) -> None:
        self._redactor = redactor
        self._make_record: Callable[..., logging.LogRecord] | None = None

    def install(self) -> None:
        """Wrap the log record factory."""
        original = logging.getLogRecordFactory()

        def make_redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - as the standard library calls it
            record: logging.LogRecord = original(*args, **kwargs)
            redactor = self._redactor()
            if redactor is not None:
                redact_record(record, redactor)
            return record

        self._make_record = make_redacted
        self._original = original
        logging.setLogRecordFactory(make_redacted)

    def restore(self) -> None:
        """Restore the previous log record factory, unless another one has replaced kindgate's."""
        if logging.getLogRecordFactory() is self._make_record:
            logging.setLogRecordFactory(self._original)


def redact_record(record: logging.LogRecord, redactor: Redacts) -> None:
    """Redact a log record for every handler; without a secret, it stays unchanged."""
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - whatever an argument's __str__ raises: logging itself reports it
        return
    clean = redactor.text(message)
    if clean != message:
        record.msg, record.args = clean, ()
    if record.exc_info and record.exc_info[0] is not None:
        text = logging.Formatter().formatException(record.exc_info)
        clean = redactor.text(text)
        if clean != text:
            record.exc_text, record.exc_info = clean, None
    if record.stack_info:
        record.stack_info = redactor.text(record.stack_info)
