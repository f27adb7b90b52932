"""The deadline and the wait loop, on a fake clock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kindgate.errors import WaitFailed, WaitTimeout
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, StoppableClock, wait_for


class FakeClock:
    """A clock that advances only when paused on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the current time."""
        return self.now

    def pause(self, seconds: float) -> None:
        """Advance by `seconds`."""
        self.now += seconds


def test_waiting_returns_the_first_ready_value() -> None:
    """The loop repeats the probe until it is ready."""
    clock = FakeClock()
    answers: Iterator[Ready[int] | Pending] = iter([Pending("a"), Pending("b"), Ready(7)])

    value = wait_for("seven", lambda: next(answers), Deadline.after(10, clock), interval=1, pause=clock.pause)

    assert value == 7
    assert clock.now == 102.0


def test_an_expired_deadline_reports_the_last_state_and_the_time_waited() -> None:
    """The error states the last state, after exactly the allowed time."""
    clock = FakeClock()

    with pytest.raises(WaitTimeout, match="timed out waiting for the moon") as caught:
        wait_for("the moon", lambda: Pending("no moon"), Deadline.after(3, clock), interval=2, pause=clock.pause, next_step="look up")

    assert (caught.value.waited, caught.value.last_state, caught.value.next_step) == (3.0, "no moon", "look up")


def test_a_permanent_failure_ends_the_wait_immediately() -> None:
    """A permanent failure ends the wait immediately."""
    clock = FakeClock()

    with pytest.raises(WaitFailed, match="the moon: it fell down"):
        wait_for("the moon", lambda: PermanentFailure("it fell down"), Deadline.after(3, clock), pause=clock.pause)

    assert clock.now == 100.0


def test_an_expired_deadline_still_probes_once() -> None:
    """A value that is already ready is returned even after the deadline."""
    clock = FakeClock()

    assert wait_for("it", lambda: Ready("here"), Deadline.after(0, clock), pause=clock.pause) == "here"


def test_a_nested_deadline_is_limited_by_the_outer_one() -> None:
    """A nested deadline ends with the outer one at the latest, and counts its own wait."""
    clock = FakeClock()
    outer = Deadline.after(10, clock)
    clock.pause(8)

    assert outer.at_most(5).remaining == 2.0
    assert outer.at_most(1).remaining == 1.0
    assert outer.at_most(5).waited == 0.0
    assert (outer.waited, outer.expired) == (8.0, False)


def test_a_stopped_clock_ends_every_wait() -> None:
    """It ends deadlines created before and after; the time waited does not change."""
    clock = StoppableClock()
    before = Deadline.after(100, clock)
    assert not before.expired
    clock.stop()
    after = Deadline.after(100, clock)

    for deadline in (before, before.at_most(5), after, after.at_most(5)):
        assert deadline.expired
        assert deadline.remaining == 0.0
        assert 0.0 <= deadline.waited < 50.0
        with pytest.raises(WaitTimeout) as caught:
            wait_for("the end", lambda: Pending("not yet"), deadline)
        assert caught.value.waited is not None
        assert caught.value.waited < 50.0


def test_stopping_the_clock_ends_a_wait_in_another_thread() -> None:
    """The wait ends at its next check."""
    clock = StoppableClock()
    timer = threading.Timer(0.2, clock.stop)
    timer.start()
    with pytest.raises(WaitTimeout):
        wait_for("the end", lambda: Pending("not yet"), Deadline.after(60, clock), interval=0.01)
    timer.join()


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        (Ready(1), "ready after 2 probes"),
        (PermanentFailure("it fell down"), "failed permanently (it fell down) after 2 probes"),
        (Pending("new moon"), "timed out after 2 probes"),
    ],
)
def test_the_end_of_a_wait_is_logged(caplog: pytest.LogCaptureFixture, last: Ready[int] | Pending | PermanentFailure, outcome: str) -> None:
    """The record has what was awaited, the number of probes, and the last state seen."""
    clock = FakeClock()
    answers: Iterator[Ready[int] | Pending | PermanentFailure] = iter([Pending("no moon"), last])

    with caplog.at_level(logging.DEBUG, logger="kindgate"), suppress(WaitFailed, WaitTimeout):
        wait_for("the moon", lambda: next(answers), Deadline.after(1, clock), interval=1, pause=clock.pause)

    (message,) = caplog.messages
    assert message.startswith(f"waiting for the moon: {outcome} in ")
    assert message.endswith(f"last state: {last.state if isinstance(last, Pending) else 'no moon'}")


def test_a_wait_that_is_over_at_once_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Calls that may be retried are waits too, and almost all succeed the first time."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        wait_for("seven", lambda: Ready(7), Deadline.after(10))

    assert caplog.messages == []
