"""SIGINT, SIGTERM and SIGHUP end a run in good order; while what was found is being written, they wait."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Turns signals into the interrupt that pytest knows, so that teardown and reports still happen.

    A further signal cuts short what goes on then: a fixture that hangs in its teardown holds nobody. `say` is told of
    signals that come in while they are held back.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._held = 0
        self._restored: dict[signal.Signals, Any] = {}
        self._first: float | None = None

    @property
    def seen(self) -> bool:
        """Whether a signal came in."""
        return self._first is not None

    @property
    def seconds(self) -> float:
        """How long ago the first signal came in; 0 without one."""
        return 0.0 if self._first is None else time.monotonic() - self._first

    def install(self) -> None:
        """Handle the signals from now on, in the main thread; one that is ignored stays so, as nohup wants it."""
        heard = [number for number in NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
        self._restored = {number: signal.signal(number, self._handle) for number in heard}

    def restore(self) -> None:
        """Put back the handlers that were there before."""
        for number, handler in self._restored.items():
            signal.signal(number, handler)
        self._restored = {}

    def hold(self) -> None:
        """Let no signal cut short what comes from now on, until `release`."""
        self._held += 1

    def release(self) -> None:
        """The end of one `hold`; without one, nothing changes."""
        self._held = max(0, self._held - 1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block that no signal cuts short: it has to be quick."""
        self.hold()
        try:
            yield
        finally:
            self.release()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._first = time.monotonic() if self._first is None else self._first
        name = signal.Signals(number).name
        if self._held:
            self._say(f"{name}: finishing the run, this takes a moment")
            return
        raise KeyboardInterrupt(name)
