"""Runs that are interrupted once or twice."""

from __future__ import annotations

import pytest

from tests.unit.plugin.conftest import INI

pytestmark = pytest.mark.usefixtures("forks")

SUITE = """
import os
import signal

import pytest

from tests.unit.plugin.conftest import INI

@pytest.fixture(scope="session")
def slow_to_go():
    yield
    if {again}:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()

def test_interrupted(slow_to_go):
    os.kill(os.getpid(), signal.{name})
    signal.pause()

def test_never_reached():
    pass
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("again", [False, True])
def test_a_signal_ends_the_run_in_good_order(pytester: pytest.Pytester, name: str, *, again: bool) -> None:
    """The run ends with exit code 2 and pytest's closing lines, even if a second signal stops a teardown."""
    pytester.makeini(INI)
    pytester.makepyfile(SUITE.format(name=name, again=again))

    result = pytester.runpytest_subprocess("--junitxml=junit.xml", timeout=60)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*no tests ran*"])
    assert ("teardown stopped midway" in result.stdout.str()) is again
