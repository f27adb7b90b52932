"""One deadline, and the one loop that waits.

A probe answers `Ready`, `Pending` or `Hopeless`; the loop ends at the first `Ready`, fails at once at the first
`Hopeless` and fails at the deadline with the last state that was seen. A deadline is made once and passed on, so
that everything waited for in parallel shares it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kindgate.errors import NeverHappens, WaitTimeout

T = TypeVar("T")

Clock = Callable[[], float]
"""Seconds on a clock that never goes backwards."""

Pause = Callable[[float], object]
"""Waits at most so many seconds; may return earlier when something has changed (a watch event)."""


class StoppableClock:
    """Another clock until `stop`; from then on every deadline on it has passed, in whatever thread it is waited for."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.stopped = False
        self._clock = clock

    def __call__(self) -> float:
        """Seconds; the end of time once it is stopped."""
        return math.inf if self.stopped else self._clock()

    def stop(self) -> None:
        """End every wait."""
        self.stopped = True


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock: `started` and `ends` in seconds of `clock`."""

    started: float
    ends: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        """The deadline that is `seconds` from now."""
        now = clock()
        return cls(started=now, ends=now + seconds, clock=clock)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.ends - self.clock())

    @property
    def waited(self) -> float:
        """Seconds since the deadline was made; a clock that was stopped takes none of them away."""
        if not math.isfinite(self.started):
            return 0.0
        now = self.clock()
        return (now if math.isfinite(now) else time.monotonic()) - self.started

    @property
    def expired(self) -> bool:
        """Whether the moment has passed."""
        return self.clock() >= self.ends

    def at_most(self, seconds: float) -> Deadline:
        """An earlier deadline inside this one, for one step of several."""
        now = self.clock()
        return Deadline(started=now, ends=min(self.ends, now + seconds), clock=self.clock)


@dataclass(frozen=True)
class Ready(Generic[T]):
    """What was waited for is there."""

    value: T


@dataclass(frozen=True)
class Pending:
    """Not yet; `state` is what was seen, for the error at the deadline."""

    state: str


@dataclass(frozen=True)
class Hopeless:
    """It will never come; `cause` says why, with the line that proves it."""

    cause: str
    next_step: str = ""


def wait_for(
    what: str,
    probe: Callable[[], Ready[T] | Pending | Hopeless],
    deadline: Deadline,
    *,
    interval: float = 0.2,
    pause: Pause = time.sleep,
    next_step: str = "",
) -> T:
    """Ask `probe` until it is ready, and return its value.

    `what` completes the sentence "waiting for ...". The probe is asked at least once, also when the deadline has
    passed. Raises `NeverHappens` at a hopeless answer and `WaitTimeout` at the deadline.
    """
    while True:
        answer = probe()
        match answer:
            case Ready(value):
                return value
            case Hopeless(cause, hint):
                raise NeverHappens(f"{what}: {cause}", waited=deadline.waited, next_step=hint or next_step)
            case Pending(state):
                if deadline.expired:
                    raise WaitTimeout(
                        f"timed out waiting for {what}",
                        waited=deadline.waited,
                        last_state=state,
                        next_step=next_step,
                    )
                pause(min(interval, deadline.remaining))
