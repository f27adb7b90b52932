"""Signals end a run cleanly, and are deferred while results are written."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from kindgate.plugin.interrupts import NUMBERS, Interrupts
from tests.unit.plugin.conftest import INI


@pytest.fixture(name="reported")
def _reported() -> list[str]:
    return []


@pytest.fixture(name="interrupts")
def _interrupts(reported: list[str]) -> Iterator[Interrupts]:
    installed = Interrupts(reported.append)
    installed.install()
    yield installed
    installed.restore()


@pytest.mark.parametrize("number", NUMBERS)
def test_each_signal_interrupts(interrupts: Interrupts, number: signal.Signals) -> None:
    """Each signal raises KeyboardInterrupt, for which pytest tears down and reports; the message is the signal's name."""
    with pytest.raises(KeyboardInterrupt, match=number.name):
        signal.raise_signal(number)
    assert interrupts.interrupted


def test_a_second_signal_also_interrupts(interrupts: Interrupts) -> None:
    """A second Ctrl-C stops a teardown that hangs."""
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert interrupts.interrupted


def test_a_signal_waits_while_the_report_is_written(interrupts: Interrupts, reported: list[str]) -> None:
    """A second Ctrl-C loses no results, and the user is notified."""
    with interrupts.held(), interrupts.held():
        signal.raise_signal(signal.SIGTERM)
    assert interrupts.interrupted
    assert reported == ["SIGTERM: finishing the run, this takes a moment"]


def test_previous_handlers_are_restored() -> None:
    """A process that outlives pytest gets its handlers back."""
    before = [signal.getsignal(number) for number in NUMBERS]
    interrupts = Interrupts(str)
    interrupts.install()
    interrupts.restore()
    assert [signal.getsignal(number) for number in NUMBERS] == before


INTERRUPTED_SUITE = """
import os
import signal

import pytest

from tests.unit.plugin.conftest import INI

@pytest.fixture(scope="session")
def slow_teardown():
    yield
    if {again}:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()

def test_interrupted(slow_teardown):
    os.kill(os.getpid(), signal.{name})
    signal.pause()

def test_never_reached():
    pass
"""


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("again", [False, True])
def test_a_signal_ends_the_run_cleanly(pytester: pytest.Pytester, name: str, *, again: bool) -> None:
    """The run ends with exit code 2 and pytest's closing lines, even if a second signal stops a teardown."""
    pytester.makeini(INI)
    pytester.makepyfile(INTERRUPTED_SUITE.format(name=name, again=again))

    result = pytester.runpytest_subprocess("--junitxml=junit.xml", timeout=60)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*no tests ran*"])
    assert ("teardown stopped midway" in result.stdout.str()) is again
