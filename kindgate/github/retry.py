"""Bounded calls to GitHub: retried while that may help, and abandoned at a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from kindgate.errors import GitHubError, GitHubUnavailable, WaitTimeout
from kindgate.waiting import Deadline, Pause, Pending, Ready, wait_for

T = TypeVar("T")

FIRST_BACKOFF = 0.5
"""Seconds before the first retry; doubled for each further one."""


def retried(what: str, call: Callable[[], T], deadline: Deadline, pause: Pause = time.sleep) -> T:
    """Return the result of `call`, retried after `GitHubUnavailable`; `call` must be safe to repeat.

    `what` completes the sentence "waiting for ...". Raises `GitHubError` immediately if GitHub asks to wait beyond the
    deadline, and `WaitTimeout` at the deadline.
    """
    retries = 0
    backoff = 0.0

    def probe() -> Ready[T] | Pending:
        nonlocal retries, backoff
        try:
            return Ready(call())
        except GitHubUnavailable as error:
            remaining = deadline.remaining
            if error.retry_after > remaining:
                requested = f"GitHub asks to wait {error.retry_after:.0f} s, but only {remaining:.0f} s are left"
                raise GitHubError(f"{error.message}: {requested}", waited=deadline.waited) from error
            backoff = max(error.retry_after, FIRST_BACKOFF * 2**retries)
            retries += 1
            return Pending(error.message)

    return wait_for(what, probe, deadline, interval=deadline.remaining, pause=lambda limit: pause(min(limit, backoff)))


def within(deadline: Deadline, what: str, call: Callable[[], T]) -> T:
    """Return or raise as `call` does; raises `WaitTimeout` if that takes longer than the deadline.

    A reply that drips in byte by byte triggers no read timeout, so `call` runs in a daemon thread, which is abandoned at
    the deadline and does not keep the process alive.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            future.set_exception(error)

    threading.Thread(target=work, name=f"kindgate: {what}", daemon=True).start()
    if not wait([future], deadline.remaining).done:
        raise WaitTimeout(f"timed out waiting for {what}", waited=deadline.waited)
    return future.result()
