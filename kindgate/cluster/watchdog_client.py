"""The run's end of the pipe to its watchdog."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import suppress

from kindgate.cluster.reaper import CleanupTask
from kindgate.cluster.watchdog import GOODBYE
from kindgate.host.command import spawn
from kindgate.process import ProcessName

_END_SECONDS = 10.0
"""Time that a watchdog may need to exit on a busy machine."""


class WatchdogClient:
    """A watchdog started for this process. Call `dismiss` or `hand_over`, or die; only the first takes effect.

    `hand_over` and death make it do its task: delete a cluster, or undo an action.
    """

    def __init__(self, process: subprocess.Popen[bytes], exit_pipe: int) -> None:
        self._process = process
        self._exit_pipe = exit_pipe
        self._exit_pipe_is_open = True

    @classmethod
    def start(cls, task: CleanupTask) -> WatchdogClient:
        """Start a watchdog in its own session; it deletes the task's cluster once this process is gone."""
        return cls.start_module("kindgate.cluster.watchdog", task.to_json())

    @classmethod
    def start_module(cls, module: str, task: str) -> WatchdogClient:
        """Start another module that watches this process as `kindgate.cluster.watchdog` does, with the same arguments."""
        run = ProcessName.current()
        name = (str(run.pid), run.started, run.boot_id, run.pid_namespace)
        command = [sys.executable, "-m", module, *name, task]
        # a canceled CI runner kills every process that carries its tracking ID, but this one still has work to do
        environment = {"RUNNER_TRACKING_ID": "", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        read_end, write_end = os.pipe()  # nothing is ever written: EOF means that the watchdog, which holds the other end, has exited
        with open(write_end, "wb") as inherited:  # noqa: PTH123  # a descriptor is not a path
            return cls(spawn(command, stdin=subprocess.PIPE, stdout=inherited, stderr=subprocess.DEVNULL, env=environment), read_end)

    def dismiss(self) -> None:
        """Tell the watchdog to exit without deleting anything, and wait for it."""
        self._close(GOODBYE)
        self.wait(_END_SECONDS)
        self._close_exit_pipe()

    def hand_over(self) -> None:
        """Leave the deletion to the watchdog, without waiting for it."""
        self._close(b"")

    def wait(self, seconds: float) -> bool:
        """Wait until the watchdog exits; return whether it has."""
        if not self._exit_pipe_is_open:
            return True
        ended, _, _ = select.select([self._exit_pipe], [], [], seconds)
        if ended:
            self._close_exit_pipe()
        return bool(ended)

    def _close_exit_pipe(self) -> None:
        if self._exit_pipe_is_open:
            self._exit_pipe_is_open = False
            os.close(self._exit_pipe)

    def _close(self, message: bytes) -> None:
        if self._process.stdin is not None:
            with suppress(OSError, ValueError):  # already handed over, watchdog killed, or pipe already closed
                self._process.stdin.write(message)
                self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):  # it exits as soon as it has forked; a timeout on a busy machine is not an error
            self._process.wait(_END_SECONDS)
