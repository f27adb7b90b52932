"""Progress of work that takes minutes: a line at its start and end, and one every few seconds in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kindgate.progress import Progress

INTERVAL = 15.0
"""Seconds between two lines, so a log never looks dead."""


@contextmanager
def heartbeat(progress: Progress, job: str, *, expected: float = 0.0, interval: float = INTERVAL) -> Iterator[None]:
    """Report `job` to `progress` while the block runs: its name, the elapsed time and the expected time left.

    `expected` is its usual duration in seconds, 0 if unknown. `progress` is called from another thread.
    """
    started = time.monotonic()
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(interval):
            progress(f"{job}, {_timing(time.monotonic() - started, expected)}")

    progress(f"{job}, usually {minutes(expected)}" if expected else job)
    thread = threading.Thread(target=beat, name=f"heartbeat of {job}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    progress(f"{job}: done in {minutes(time.monotonic() - started)}")


def minutes(seconds: float) -> str:
    """A duration for people: `45 s`, `7 min 30 s`."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    return f"{rounded // 60} min {rounded % 60} s" if rounded % 60 else f"{rounded // 60} min"


def _timing(elapsed: float, expected: float) -> str:
    if not expected:
        return minutes(elapsed)
    remaining = expected - elapsed
    return (
        f"{minutes(elapsed)}, about {minutes(remaining)} left"
        if remaining >= 1
        else f"{minutes(elapsed)}, longer than the usual {minutes(expected)}"
    )
