"""Calls that nobody waits for longer than a deadline, however slowly the other side answers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from kindgate.errors import WaitTimeout
from kindgate.waiting import Deadline

T = TypeVar("T")


def within(deadline: Deadline, what: str, call: Callable[[], T]) -> T:
    """What `call` returns or raises; raises `WaitTimeout` when it has done neither by the deadline.

    A reply that drips in byte by byte trips no read timeout, so `call` runs in a daemon thread, which is left behind
    at the deadline and does not keep the process from ending.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            answers.put((None, error))

    threading.Thread(target=work, name=f"kindgate {what}", daemon=True).start()
    try:
        value, error = answers.get(timeout=deadline.remaining)
    except queue.Empty:
        raise WaitTimeout(f"timed out waiting for {what}", waited=deadline.waited) from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # None only where T allows it: no error was put
