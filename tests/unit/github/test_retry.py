"""`kindgate.github.retry`: calls with a time limit."""

from __future__ import annotations

import threading

import pytest

from kindgate.errors import GitHubError, GitHubUnavailable, WaitTimeout
from kindgate.github.retry import retried, within
from kindgate.waiting import Deadline


def test_a_result_within_the_deadline_is_returned() -> None:
    """A call that returns in time passes its value on."""
    assert within(Deadline.after(10), "an answer", lambda: 42) == 42


def test_an_error_of_the_call_is_raised() -> None:
    """An error of the call is raised in the caller's thread, including the call's own timeout."""

    def fail() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        within(Deadline.after(10), "an answer", fail)


def test_a_hanging_call_is_abandoned() -> None:
    """A call that hangs is abandoned, and its thread does not keep the process alive."""
    release = threading.Event()
    try:
        with pytest.raises(WaitTimeout, match="waiting for an answer"):
            within(Deadline.after(0.05), "an answer", release.wait)
        hanging = [thread for thread in threading.enumerate() if thread.name == "kindgate: an answer"]
        assert [thread.daemon for thread in hanging] == [True]
    finally:
        release.set()


def test_waits_double_until_the_call_succeeds() -> None:
    """The first wait is 0.5 s and doubles; a longer wait requested by GitHub takes precedence."""
    outcomes = [GitHubUnavailable("1"), GitHubUnavailable("2"), GitHubUnavailable("3", retry_after=7.0)]
    wait_forever: list[float] = []

    def call() -> str:
        if outcomes:
            raise outcomes.pop(0)
        return "done"

    assert retried("an answer", call, Deadline.after(45, lambda: 0.0), wait_forever.append) == "done"
    assert wait_forever == [0.5, 1.0, 7.0]


def test_other_errors_are_not_retried() -> None:
    """Only errors that a retry can fix are retried."""
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise GitHubError("no")

    with pytest.raises(GitHubError, match="no"):
        retried("an answer", call, Deadline.after(45))
    assert len(calls) == 1


def test_a_wait_beyond_the_deadline_is_not_started() -> None:
    """If GitHub requests a wait of an hour, the call fails immediately."""
    wait_forever: list[float] = []

    def call() -> None:
        raise GitHubUnavailable("slow down", retry_after=3600)

    with pytest.raises(GitHubError, match="GitHub asks to wait 3600 s, but only 45 s are left"):
        retried("an answer", call, Deadline.after(45, lambda: 0.0), wait_forever.append)
    assert wait_forever == []
