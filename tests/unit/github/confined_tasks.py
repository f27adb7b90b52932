"""Tasks that go wrong in a process of their own, which therefore imports nothing but this."""

from __future__ import annotations

import os
import time


def takes_memory() -> int:
    """A reader that is led to hold a gigabyte."""
    return len(bytes(1 << 30))


def takes_time() -> int:
    """A reader that is led astray."""
    while True:
        pass


def waits() -> None:
    """A reader that waits for what does not come."""
    time.sleep(60)


def answers_much() -> bytes:
    """A reader that is led to make much of little."""
    return bytes(20 << 20)


def answers_with_a_function() -> object:
    """A reader that was taken over: what it answers would run here."""
    return os.system


def breaks() -> None:
    """A reader with a fault."""
    raise ZeroDivisionError("by a stranger")


def environment() -> dict[str, str]:
    """What a reader that was taken over could send away."""
    return dict(os.environ)


def dies() -> None:
    """A reader that is killed."""
    os.abort()
