"""SIGINT, SIGTERM and SIGHUP end a run cleanly; they are held back while results are written."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Turn signals into the interrupt that pytest handles, so teardown and reports still happen.

    A further signal cuts short whatever is running then, such as a fixture that hangs in its teardown. `report` is called for
    signals that arrive while they are held back.
    """

    def __init__(self, report: Callable[[str], object]) -> None:
        self._report = report
        self._held = 0
        self._restored: dict[signal.Signals, Any] = {}
        self._first: float | None = None

    @property
    def interrupted(self) -> bool:
        """Whether a signal has arrived."""
        return self._first is not None

    @property
    def seconds(self) -> float:
        """Seconds since the first signal; 0 without one."""
        return 0.0 if self._first is None else time.monotonic() - self._first

    def install(self) -> None:
        """Handle the signals from now on, in the main thread, except those that are ignored, as under nohup."""
        handled = [number for number in NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
        self._restored = {number: signal.signal(number, self._handle) for number in handled}

    def restore(self) -> None:
        """Restore the previous handlers."""
        for number, handler in self._restored.items():
            signal.signal(number, handler)
        self._restored = {}

    def hold(self) -> None:
        """Hold signals back until `release`."""
        self._held += 1

    def release(self) -> None:
        """End one `hold`; without one, nothing changes."""
        self._held = max(0, self._held - 1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold signals back within the block, which must be quick."""
        self.hold()
        try:
            yield
        finally:
            self.release()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._first = time.monotonic() if self._first is None else self._first
        name = signal.Signals(number).name
        if self._held:
            self._report(f"{name}: finishing the run, this takes a moment")
            return
        raise KeyboardInterrupt(name)
