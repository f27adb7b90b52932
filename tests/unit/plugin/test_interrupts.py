"""Signals end a run in good order, and wait while what was found is written."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from kindgate.plugin.interrupts import NUMBERS, Interrupts


@pytest.fixture(name="said")
def _said() -> list[str]:
    return []


@pytest.fixture(name="interrupts")
def _interrupts(said: list[str]) -> Iterator[Interrupts]:
    installed = Interrupts(said.append)
    installed.install()
    yield installed
    installed.restore()


@pytest.mark.parametrize("number", NUMBERS)
def test_each_signal_is_an_interrupt(interrupts: Interrupts, number: signal.Signals) -> None:
    """A KeyboardInterrupt is what pytest tears down and reports at; the signal's name is its text."""
    with pytest.raises(KeyboardInterrupt, match=number.name):
        signal.raise_signal(number)
    assert interrupts.seen


def test_a_second_signal_is_an_interrupt_too(interrupts: Interrupts) -> None:
    """Whatever hangs in its teardown is cut short by another ctrl-C."""
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert interrupts.seen


def test_a_signal_waits_while_the_report_is_written(interrupts: Interrupts, said: list[str]) -> None:
    """Nothing gathered is lost to an impatient second ctrl-C; the user is told."""
    with interrupts.held(), interrupts.held():
        signal.raise_signal(signal.SIGTERM)
    assert interrupts.seen
    assert said == ["SIGTERM: finishing the run, this takes a moment"]


def test_the_handlers_of_before_are_put_back() -> None:
    """A process that goes on after pytest gets its own signals."""
    before = [signal.getsignal(number) for number in NUMBERS]
    interrupts = Interrupts(str)
    interrupts.install()
    interrupts.restore()
    assert [signal.getsignal(number) for number in NUMBERS] == before
