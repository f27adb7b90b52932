"""Deadlines, and the one loop that waits.

A probe returns `Ready`, `Pending` or `PermanentFailure`; the loop ends at the first `Ready`, fails immediately at the first
`PermanentFailure`, and fails at the deadline with the last state seen. A deadline is created once and passed on, so all waits
in parallel share it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kindgate.errors import WaitFailed, WaitTimeout

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

Clock = Callable[[], float]
"""Returns seconds on a monotonic clock."""

Pause = Callable[[float], object]
"""Sleeps at most the given seconds; can return earlier if something has changed (a watch event)."""


class StoppableClock:
    """Follows another clock until `stop`, which makes every deadline on this clock expire, in any thread."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.stopped = False
        self._clock = clock

    def __call__(self) -> float:
        """The time in seconds; infinity once stopped."""
        return math.inf if self.stopped else self._clock()

    def stop(self) -> None:
        """End every wait."""
        self.stopped = True


@dataclass(frozen=True)
class Deadline:
    """A point on the monotonic clock: `started` and `ends` in seconds of `clock`."""

    started: float
    ends: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        """The deadline `seconds` from now."""
        now = clock()
        return cls(started=now, ends=now + seconds, clock=clock)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.ends - self.clock())

    @property
    def waited(self) -> float:
        """Seconds since the deadline was created, also if its clock was stopped."""
        if not math.isfinite(self.started):
            return 0.0
        now = self.clock()
        return (now if math.isfinite(now) else time.monotonic()) - self.started

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return self.clock() >= self.ends

    def at_most(self, seconds: float) -> Deadline:
        """A deadline for one step, no later than this one."""
        now = self.clock()
        return Deadline(started=now, ends=min(self.ends, now + seconds), clock=self.clock)


@dataclass(frozen=True)
class Ready(Generic[T]):
    """The awaited condition is met."""

    value: T


@dataclass(frozen=True)
class Pending:
    """Not yet; `state` is the state seen, for the error at the deadline."""

    state: str


@dataclass(frozen=True)
class PermanentFailure:
    """The condition can never be met; `cause` states why, with the line that proves it."""

    cause: str
    next_step: str = ""


def wait_for(
    what: str,
    probe: Callable[[], Ready[T] | Pending | PermanentFailure],
    deadline: Deadline,
    *,
    interval: float = 0.2,
    pause: Pause = time.sleep,
    next_step: str = "",
) -> T:
    """Call `probe` until it is ready, and return its value.

    `what` completes the sentence "waiting for ...". The probe is called at least once, even if the deadline has
    passed. Raises `WaitFailed` if the probe returns `PermanentFailure`, and `WaitTimeout` at the deadline. The end of a
    wait is logged, unless the first probe was ready.
    """
    started = time.monotonic()
    probes, state = 0, "none"

    def log(outcome: str) -> None:
        seconds = time.monotonic() - started
        _LOG.debug("waiting for %s: %s after %d probes in %.3f s; last state: %s", what, outcome, probes, seconds, state, stacklevel=3)

    while True:
        probes += 1
        result = probe()
        match result:
            case Ready(value):
                if probes > 1:
                    log("ready")
                return value
            case PermanentFailure(cause, hint):
                log(f"failed permanently ({cause})")
                raise WaitFailed(f"{what}: {cause}", waited=deadline.waited, next_step=hint or next_step)
            case Pending(state):
                if deadline.expired:
                    log("timed out")
                    raise WaitTimeout(
                        f"timed out waiting for {what}",
                        waited=deadline.waited,
                        last_state=state,
                        next_step=next_step,
                    )
                pause(min(interval, deadline.remaining))
