"""Progress of work that takes minutes: a line at its start and end, and one every few seconds in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERVAL = 15.0
"""Seconds between two lines, so a log never looks dead."""


@contextmanager
def heartbeat(say: Callable[[str], object], job: str, *, expected: float = 0.0, interval: float = INTERVAL) -> Iterator[None]:
    """Report `job` to `say` while the block runs: its name, the elapsed time and the expected time left.

    `expected` is its usual duration in seconds, 0 if unknown. `say` is called from another thread.
    """
    started = time.monotonic()
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(interval):
            say(f"{job}, {_so_far(time.monotonic() - started, expected)}")

    say(f"{job}, usually {minutes(expected)}" if expected else job)
    thread = threading.Thread(target=beat, name=f"heartbeat of {job}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    say(f"{job}: done in {minutes(time.monotonic() - started)}")


def minutes(seconds: float) -> str:
    """A duration for people: `45 s`, `7 min 30 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"


def _so_far(elapsed: float, expected: float) -> str:
    if not expected:
        return minutes(elapsed)
    left = expected - elapsed
    return (
        f"{minutes(elapsed)}, about {minutes(left)} left" if left >= 1 else f"{minutes(elapsed)}, longer than the usual {minutes(expected)}"
    )
