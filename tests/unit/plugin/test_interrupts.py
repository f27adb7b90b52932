"""Signals end a run cleanly, and are deferred while results are written."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from kindgate.plugin.interrupts import NUMBERS, Interrupts


@pytest.fixture(name="reported")
def _said() -> list[str]:
    return []


@pytest.fixture(name="interrupts")
def _interrupts(reported: list[str]) -> Iterator[Interrupts]:
    installed = Interrupts(reported.append)
    installed.install()
    yield installed
    installed.restore()


@pytest.mark.parametrize("number", NUMBERS)
def test_each_signal_is_an_interrupt(interrupts: Interrupts, number: signal.Signals) -> None:
    """Each signal raises KeyboardInterrupt, for which pytest tears down and reports; the message is the signal's name."""
    with pytest.raises(KeyboardInterrupt, match=number.name):
        signal.raise_signal(number)
    assert interrupts.seen


def test_a_second_signal_is_an_interrupt_too(interrupts: Interrupts) -> None:
    """A second Ctrl-C stops a teardown that hangs."""
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert interrupts.seen


def test_a_signal_waits_while_the_report_is_written(interrupts: Interrupts, reported: list[str]) -> None:
    """A second Ctrl-C loses no results, and the user is notified."""
    with interrupts.held(), interrupts.held():
        signal.raise_signal(signal.SIGTERM)
    assert interrupts.seen
    assert reported == ["SIGTERM: finishing the run, this takes a moment"]


def test_the_handlers_of_before_are_put_back() -> None:
    """A process that outlives pytest gets its handlers back."""
    before = [signal.getsignal(number) for number in NUMBERS]
    interrupts = Interrupts(str)
    interrupts.install()
    interrupts.restore()
    assert [signal.getsignal(number) for number in NUMBERS] == before
