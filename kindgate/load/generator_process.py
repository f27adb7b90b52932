"""A generator process as its parent sees it: started in its own session, reached over a private pipe, and ended."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final

from kindgate.errors import LoadError
from kindgate.load.protocol import Ready
from kindgate.waiting import Deadline

START_SECONDS: Final = 30.0
"""Startup timeout of a generator in seconds."""


@dataclass(eq=False)
class GeneratorProcess:
    """A running generator and this end of its pipe."""

    popen: subprocess.Popen[bytes]
    pipe: Connection[Any, Any]

    @classmethod
    def launch(cls) -> GeneratorProcess:
        """Start a generator in its own session, so a terminal's Ctrl-C reaches only this process."""
        parent_end, child_end = Pipe()
        for end in (parent_end, child_end):
            os.set_blocking(end.fileno(), True)  # gevent (under Locust) creates non-blocking sockets
        with child_end:
            command = [sys.executable, "-m", "kindgate.load.generator", str(child_end.fileno())]
            popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[child_end.fileno()], start_new_session=True)
        return cls(popen, parent_end)

    def await_ready(self, deadline: Deadline) -> None:
        """Raise `LoadError` if the generator exits or is not ready by the deadline."""
        try:
            ready = self.pipe.poll(deadline.remaining) and isinstance(self.pipe.recv(), Ready)
        except EOFError:
            ready = False
        if not ready:
            raise LoadError("a load generator did not start", waited=deadline.waited, next_step="see stderr for the cause")

    def end(self) -> None:
        """Close the pipe, so the generator exits; kill it if it does not."""
        self.pipe.close()
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
