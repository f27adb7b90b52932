"""Whether a process identified earlier is still running."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import psutil

from kindgate.process import Liveness, ProcessName, liveness
from kindgate.waiting import Deadline, Pending, Ready, wait_for


def test_this_process_is_alive() -> None:
    """The current process is running."""
    assert liveness(ProcessName.current()) is Liveness.ALIVE


def test_a_process_that_ended_is_dead() -> None:
    """An ended process is dead."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert liveness(replace(ProcessName.current(), pid=process.pid)) is Liveness.DEAD


def test_a_reused_pid_is_dead() -> None:
    """Process ids are reused; the start time identifies the process."""
    assert liveness(replace(ProcessName.current(), started="0")) is Liveness.DEAD


def test_a_zombie_is_dead() -> None:
    """A killed process that its parent has not waited for counts as dead."""
    with subprocess.Popen(["sleep", "60"]) as process:
        name = ProcessName.of(process.pid)
        assert liveness(name) is Liveness.ALIVE
        process.kill()
        wait_for(
            "the zombie",
            lambda: Ready(None) if psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE else Pending("it lives"),
            Deadline.after(30),
            interval=0.01,
        )
        assert liveness(name) is Liveness.DEAD


def test_another_boot_or_namespace_is_unknown() -> None:
    """A process id is valid only in its own boot and PID namespace."""
    me = ProcessName.current()
    assert liveness(replace(me, boot_id="another")) is Liveness.UNKNOWN
    assert liveness(replace(me, pid_namespace="pid:[2]")) is Liveness.UNKNOWN
    assert liveness(replace(me, boot_id="")) is Liveness.UNKNOWN
