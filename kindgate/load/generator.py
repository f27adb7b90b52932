"""A generator: a process of its own that sends shares of bursts. Run as `python -m kindgate.load.generator DESCRIPTOR`.

A process of its own is never late because of the test runner, and keeps its connections between bursts, so that a
warm-up burst warms them too.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import pycurl

from kindgate.load.engine import Begin, Engine
from kindgate.load.limits import raise_descriptor_limit
from kindgate.load.messages import Broken, Done, Prepared, Ready, Recent, Run, Start, Stop
from kindgate.load.plan import ClosedLoop
from kindgate.load.priority import first_in_line, sharpen_timers
from kindgate.load.schedule import NANOS, make_schedule
from kindgate.load.transfers import Transfers, suitable_transfers

PROGRESS = NANOS // 2
"""Nanoseconds between two messages about progress."""


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
        self._transfers: dict[type[Transfers], Transfers] = {}

    def serve(self) -> None:
        """Answer messages until the pipe is closed."""
        self._pipe.send(Ready())
        with contextlib.suppress(EOFError, BrokenPipeError):  # whoever asked is gone
            while True:
                message = self._pipe.recv()
                if isinstance(message, Run):
                    self._pipe.send(self._run(message))

    def _run(self, run: Run) -> Done | Broken:
        transfers = self._connections(run)
        reporter = Reporter(self._pipe, progress=run.progress)
        reporter.engine = engine = Engine(run.plan, transfers, run.cap, reporter.tick)
        opened, wall, cpu = transfers.opened, time.monotonic(), time.process_time()

        def begin() -> int | None:
            nonlocal wall, cpu
            self._pipe.send(Prepared())
            message = self._pipe.recv()
            wall, cpu = time.monotonic(), time.process_time()
            return message.at if isinstance(message, Start) else None

        try:
            complete = _prepared(run, engine, begin)()
        except (pycurl.error, OSError, MemoryError):
            return Broken(traceback.format_exc())
        return Done(engine.recorder.rows(), time.monotonic() - wall, time.process_time() - cpu, transfers.opened - opened, complete)

    def _connections(self, run: Run) -> Transfers:
        """The connections that earlier bursts left, or none yet."""
        kind = suitable_transfers(run.cap, busy=isinstance(run.plan.loop, ClosedLoop))
        transfers = self._transfers.get(kind) or self._transfers.setdefault(kind, kind())
        transfers.keep(run.cap)
        return transfers


def _prepared(run: Run, engine: Engine, begin: Begin) -> Callable[[], bool]:
    """What sends the share, with all that can be worked out before."""
    loop = run.plan.loop
    if isinstance(loop, ClosedLoop):
        return partial(engine.run_closed, _share(loop, run.index, run.of), run.plan.seed + run.index, begin)
    schedule = make_schedule(loop, run.plan.routes, run.plan.seed).share(run.index, run.of)

    def send() -> bool:
        with first_in_line():
            return engine.run_open(schedule, begin)

    return send


def _share(loop: ClosedLoop, index: int, of: int) -> ClosedLoop:
    """The users and requests of one generator."""
    users = loop.users // of + (index < loop.users % of)
    requests = None if loop.requests is None else loop.requests // of + (index < loop.requests % of)
    return ClosedLoop(users, loop.seconds, requests)


def main() -> None:
    """Serve on the descriptor that the first argument names. ctrl-C is for the parent, which then says when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sharpen_timers()
    raise_descriptor_limit()
    gc.freeze()  # a collection before a burst then looks at what bursts have made, not at every module
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))
    with pipe:
        Generator(pipe).serve()
    os._exit(0)  # nothing is left to save, and tearing down thousands of connections takes seconds


if __name__ == "__main__":
    main()
