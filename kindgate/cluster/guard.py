"""The run's end of the pipe that a watchdog listens on."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import suppress

from kindgate.cluster.process import ProcessName
from kindgate.cluster.reaping import Charge
from kindgate.cluster.watchdog import GOODBYE
from kindgate.host.command import spawn

_END_SECONDS = 10.0
"""What a watchdog may need to end on a busy machine."""


class Guard:
    """A watchdog that was started for this process. Then `dismiss` or `hand_over`, or die; only the first of them counts."""

    def __init__(self, process: subprocess.Popen[bytes], life: int) -> None:
        self._process = process
        self._life = life
        self._life_is_open = True

    @classmethod
    def start(cls, charge: Charge) -> Guard:
        """Start a watchdog in a session of its own; it deletes the charge's cluster when this process is gone."""
        run = ProcessName.current()
        name = (str(run.pid), run.started, run.boot_id, run.pid_namespace)
        command = [sys.executable, "-m", "kindgate.cluster.watchdog", *name, charge.to_json()]
        # a CI runner that was cancelled kills every process that carries its mark, and this one has work left then
        environment = {"RUNNER_TRACKING_ID": "", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        ours, theirs = os.pipe()  # nobody writes: it can be read when the watchdog, which holds the other end, is gone
        with open(theirs, "wb") as held:  # noqa: PTH123  # a descriptor is not a path
            return cls(spawn(command, stdin=subprocess.PIPE, stdout=held, stderr=subprocess.DEVNULL, env=environment), ours)

    def dismiss(self) -> None:
        """Say goodbye, and see the watchdog end: it deletes nothing."""
        self._close(GOODBYE)
        self.wait(_END_SECONDS)
        self._forget()

    def hand_over(self) -> None:
        """Leave the deletion to the watchdog, without waiting for it."""
        self._close(b"")

    def wait(self, seconds: float) -> bool:
        """Wait until the watchdog has ended; says whether it has."""
        if not self._life_is_open:
            return True
        ended, _, _ = select.select([self._life], [], [], seconds)
        if ended:
            self._forget()
        return bool(ended)

    def _forget(self) -> None:
        if self._life_is_open:
            self._life_is_open = False
            os.close(self._life)

    def _close(self, last_words: bytes) -> None:
        if self._process.stdin is not None:
            with suppress(
                OSError, ValueError
            ):  # one that was handed over before, a watchdog that was killed, or a pipe that is closed already
                self._process.stdin.write(last_words)
                self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):  # it ends as soon as it has forked; a machine that is too busy for that is no error
            self._process.wait(_END_SECONDS)
