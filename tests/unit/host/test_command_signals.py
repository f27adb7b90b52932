"""Signals are delayed until work that must be completed is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from kindgate.host.command import deferred_signals

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(name="handled", autouse=True)
def _handled() -> Iterator[list[int]]:
    """The signals handled so far, by handlers that stand in for the program's own."""
    handled: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: handled.append(number)) for number in ENDING}
    yield handled
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_deferred_signal_is_delivered_after_the_block(handled: list[int], number: signal.Signals) -> None:
    """A signal is delivered once, and only after the block."""
    with deferred_signals() as interrupts:
        signal.raise_signal(number)
        assert handled == []
    assert handled == []

    interrupts.deliver()
    interrupts.deliver()

    assert handled == [number]


def test_the_signal_handlers_are_restored_after_the_block(handled: list[int]) -> None:
    """After the block, a signal is handled by the program's own handler."""
    with deferred_signals():
        pass

    signal.raise_signal(signal.SIGTERM)

    assert handled == [signal.SIGTERM]


def test_an_ignored_signal_remains_ignored() -> None:
    """A program under nohup still ignores SIGHUP."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with deferred_signals():
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_other_threads_defer_no_signals() -> None:
    """Python runs and sets signal handlers only in the main thread."""
    errors: list[BaseException] = []

    def block() -> None:
        try:
            with deferred_signals():
                pass
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            errors.append(error)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()

    assert errors == []
