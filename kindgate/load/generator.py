"""A generator: a process of its own that sends shares of bursts. Run as `python -m kindgate.load.generator DESCRIPTOR`.

A process of its own is never late because of the test runner, and keeps its connections between bursts, so that a
warm-up burst warms them too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

import pycurl

from kindgate.load.engine import Engine
from kindgate.load.limits import raise_descriptor_limit
from kindgate.load.messages import Broken, Done, Ready, Recent, Run, Stop
from kindgate.load.plan import ClosedLoop, OpenLoop
from kindgate.load.schedule import NANOS, make_schedule
from kindgate.load.transfers import Transfers, make_transfers

PROGRESS = NANOS // 2
"""Nanoseconds between two messages about progress."""

_PR_SET_TIMERSLACK = 29
_NICENESS = -10


class Reporter:
    """The tick of a running burst: sends progress and hears the word to stop."""

    def __init__(self, pipe: Connection[Any, Any], *, progress: bool) -> None:
        self.engine: Engine | None = None
        self._pipe = pipe
        self._progress = progress
        self._next = PROGRESS
        self._told = 0

    def tick(self, now: int, in_flight: int) -> bool:
        """Whether the burst is to end."""
        if self._progress and now >= self._next and self.engine:
            self._next = now + PROGRESS
            rows = self.engine.recorder.rows(self._told)
            self._told += len(rows)
            self._pipe.send(Recent(now / NANOS, in_flight, rows))
        return self._pipe.poll() and isinstance(self._pipe.recv(), Stop)


class Generator:
    """Sends one share after another, with connections that live as long as it does."""

    def __init__(self, pipe: Connection[Any, Any]) -> None:
        self._pipe = pipe
        self._transfers: dict[tuple[bool, int], Transfers] = {}

    def serve(self) -> None:
        """Answer messages until the pipe is closed."""
        self._pipe.send(Ready())
        while True:
            try:
                message = self._pipe.recv()
            except EOFError:
                return
            if isinstance(message, Run):
                self._pipe.send(self._run(message))

    def _run(self, run: Run) -> Done | Broken:
        loop = run.plan.loop
        try:
            transfers = self._connections(run.cap, busy=isinstance(loop, ClosedLoop))
            reporter = Reporter(self._pipe, progress=run.progress)
            reporter.engine = engine = Engine(run.plan, transfers, run.cap, run.start, reporter.tick)
            opened = transfers.opened
            schedule = make_schedule(loop, run.plan.routes, run.plan.seed).share(run.index, run.of) if isinstance(loop, OpenLoop) else None
            wall, cpu = time.monotonic(), time.process_time()
            if isinstance(loop, ClosedLoop):
                complete = engine.run_closed(_share(loop, run.index, run.of), run.plan.seed + run.index)
            elif schedule:
                complete = engine.run_open(schedule)
        except (pycurl.error, OSError, MemoryError):
            return Broken(traceback.format_exc())
        return Done(engine.recorder.rows(), time.monotonic() - wall, time.process_time() - cpu, transfers.opened - opened, complete)

    def _connections(self, cap: int, *, busy: bool) -> Transfers:
        key = (busy, cap)
        if key not in self._transfers:
            self._transfers[key] = make_transfers(cap, busy=busy)
        return self._transfers[key]


def _share(loop: ClosedLoop, index: int, of: int) -> ClosedLoop:
    """The users and requests of one generator."""
    users = loop.users // of + (index < loop.users % of)
    requests = None if loop.requests is None else loop.requests // of + (index < loop.requests % of)
    return ClosedLoop(users, loop.seconds, requests)


def sharpen_timers() -> None:
    """Wake up on time: Linux adds 50 microseconds of slack to every sleep unless a thread asks for less (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def go_first() -> None:
    """Ask to be scheduled before other work, so that requests are late less often; without the right to, go on."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def main() -> None:
    """Serve on the descriptor that the first argument names. ctrl-C is for the parent, which then says when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sharpen_timers()
    go_first()
    raise_descriptor_limit()
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))
    with pipe:
        Generator(pipe).serve()
    os._exit(0)  # nothing is left to save, and tearing down thousands of connections takes seconds


if __name__ == "__main__":
    main()
