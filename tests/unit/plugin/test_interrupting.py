"""A run that is interrupted, and interrupted again."""

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
    """Exit code 2 and pytest's closing lines, though a second signal cuts a teardown short."""
    pytester.makeini(INI)
    pytester.makepyfile(SUITE.format(name=name, again=again))

    result = pytester.runpytest_subprocess("--junitxml=junit.xml", timeout=60)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*no tests ran*"])
    assert ("teardown stopped midway" in result.stdout.str()) is again
