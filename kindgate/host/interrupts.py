"""Defer signals during an operation that could not be cleaned up if interrupted halfway."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The signals received while deferred."""

    def __init__(self) -> None:
        self._came: list[int] = []

    def hold(self, number: int, _frame: FrameType | None) -> None:
        """Record a signal; a handler for `signal.signal`."""
        self._came.append(number)

    def deliver(self) -> None:
        """Raise the first recorded signal; raises whatever its handler raises."""
        if self._came:
            signal.raise_signal(self._came.pop(0))


@contextmanager
def held_back() -> Iterator[Interrupts]:
    """Defer terminating signals during the block; `deliver` raises them afterwards.

    Only Python handlers are replaced, and only in the main thread: no other thread runs any.
    """
    interrupts = Interrupts()
    handlers = {number: signal.getsignal(number) for number in _ENDING} if threading.current_thread() is threading.main_thread() else {}
    replaced = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in replaced:
        signal.signal(number, interrupts.hold)
    try:
        yield interrupts
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
