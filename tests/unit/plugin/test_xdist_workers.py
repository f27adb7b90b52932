"""xdist's workers end with an interrupted run, even if they ignore signals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from kindgate.plugin.xdist_workers import stop_workers

WORKER = "import sys;exec(eval(sys.stdin.readline()))"
"""The command with which execnet starts a gateway."""

TEARING_DOWN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print('ready', flush=True)
    signal.pause()
except KeyboardInterrupt:
    print('torn down', flush=True)
"""
WAITING = "print('ready', flush=True); signal.pause()"


@pytest.fixture(name="children")
def _children() -> Iterator[list[subprocess.Popen[str]]]:
    """A worker that ends on Ctrl-C, one that ignores it, and a child that is not a worker; all are ready."""
    started = [
        start(WORKER, TEARING_DOWN),
        start(WORKER, f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {WAITING}"),
        start(f"import signal; {WAITING}"),
    ]
    yield started
    for child in started:
        child.kill()
        child.communicate()


def start(program: str, code: str = "") -> subprocess.Popen[str]:
    """Start a child that runs `code` as a gateway does, and wait until it is ready."""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    if code:
        child.stdin.write(f"{code!r}\n")
        child.stdin.flush()
    assert child.stdout.readline() == "ready\n"
    return child


def test_workers_are_interrupted_and_unresponsive_ones_killed(children: list[subprocess.Popen[str]]) -> None:
    """A terminal's Ctrl-C reaches workers too; a CI runner's signal does not, and the runner waits less long than xdist."""
    responsive, unresponsive, other = children

    stop_workers(1.0)

    assert responsive.stdout is not None
    assert unresponsive.stdout is not None
    assert (responsive.stdout.read(), unresponsive.stdout.read()) == ("torn down\n", "")
    assert other.poll() is None
