"""A generator: a separate process that sends shares of bursts. Run as `python -m kindgate.load.generator DESCRIPTOR`.

A separate process is never delayed by the test runner, and keeps its connections between bursts, so a warm-up burst
warms them too.
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

from kindgate.load.curl_multi import MultiTransfers, suitable_multi
from kindgate.load.engine import Begin, Engine
from kindgate.load.journeys import JourneyEngine
from kindgate.load.plan import ClosedLoop
from kindgate.load.process_limits import minimize_timer_slack, raise_descriptor_limit, realtime_priority
from kindgate.load.protocol import Broken, Done, Finish, Prepared, Ready, Recent, Run, Start, Stop
from kindgate.load.raw_samples import NO_ROWS
from kindgate.load.schedule import NANOS, make_schedule
from kindgate.load.streams import all_entry_values

PROGRESS = NANOS // 2
"""Nanoseconds between two progress messages."""


class Reporter:
    """The tick of a running burst: send progress, and receive `Stop` and `Finish`."""

    def __init__(self, pipe: Connection[Any, Any], run: Run) -> None:
        self.engine: Engine | None = None
        self._pipe = pipe
        self._progress = run.progress
        self._index = run.index
        self._next = PROGRESS
        self._reported = 0

    def tick(self, now: int, in_flight: int) -> bool:
        """Return whether to end the burst."""
        if self._progress and now >= self._next and self.engine:
            self._next = now + PROGRESS
            rows = self.engine.recorder.rows(self._reported)
            self._reported += len(rows)
            self._pipe.send(Recent(self._index, now / NANOS, in_flight, rows, self.engine.settled(now)))
        while self._pipe.poll():
            match self._pipe.recv():
                case Stop():
                    return True
                case Finish(at) if self.engine:
                    self.engine.finish(at)
        return False


class Generator:
    """Sends one share after another over connections that it keeps open between them."""

    def __init__(self, pipe: Connection[Any, Any]) -> None:
        self._pipe = pipe
        self._transfers: dict[type[MultiTransfers], MultiTransfers] = {}

    def serve(self) -> None:
        """Handle messages until the pipe is closed."""
        self._pipe.send(Ready())
        with contextlib.suppress(EOFError, BrokenPipeError):  # the parent exited
            while True:
                message = self._pipe.recv()
                if isinstance(message, Run):
                    self._pipe.send(self._run(message))

    def _run(self, run: Run) -> Done | Broken:
        transfers = self._connections(run)
        reporter = Reporter(self._pipe, run)
        kind = JourneyEngine if run.plan.journeys else Engine
        reporter.engine = engine = kind(run.plan, transfers, run.cap, reporter.tick)
        opened, wall, cpu = transfers.opened, time.monotonic(), time.process_time()

        def begin() -> int | None:
            nonlocal wall, cpu
            self._pipe.send(Prepared())
            message = self._pipe.recv()
            wall, cpu = time.monotonic(), time.process_time()
            return message.at if isinstance(message, Start) else None

        try:
            complete = _prepare(run, engine, begin)()
        except (pycurl.error, OSError, MemoryError):
            return Broken(traceback.format_exc())
        return Done(
            rows=engine.recorder.rows(),
            journeys=engine.journeys.rows() if isinstance(engine, JourneyEngine) else NO_ROWS,
            samples=tuple(engine.samples),
            followed=tuple(engine.followed),
            seconds=time.monotonic() - wall,
            cpu_seconds=time.process_time() - cpu,
            connections=transfers.opened - opened,
            complete=complete,
        )

    def _connections(self, run: Run) -> MultiTransfers:
        """The connections left by earlier bursts, or a new empty set."""
        kind = suitable_multi(run.cap, busy=isinstance(run.plan.loop, ClosedLoop))
        transfers = self._transfers.get(kind) or self._transfers.setdefault(kind, kind())
        transfers.keep(run.cap)
        return transfers


def _prepare(run: Run, engine: Engine, begin: Begin) -> Callable[[], bool]:
    """A function that sends the share, with everything precomputed."""
    loop = run.plan.loop
    if isinstance(loop, ClosedLoop):
        return partial(engine.run_closed, _share_of(loop, run.index, run.of), run.plan.seed + run.index, begin)
    plan = run.plan
    whole = make_schedule(loop, (*plan.routes, *plan.journeys), plan.seed, numbered=plan.varies)
    schedule, values = whole.share(run.index, run.of), all_entry_values(plan, whole.route)

    def send() -> bool:
        with realtime_priority():
            return engine.run_open(schedule, begin, values)

    return send


def _share_of(loop: ClosedLoop, index: int, of: int) -> ClosedLoop:
    """The users and requests of one generator."""
    users = loop.users // of + (index < loop.users % of)
    requests = None if loop.requests is None else loop.requests // of + (index < loop.requests % of)
    return ClosedLoop(users, loop.seconds, requests)


def main() -> None:
    """Serve on the descriptor given as the first argument. Ctrl-C is ignored: the parent handles it and sends `Stop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    minimize_timer_slack()
    raise_descriptor_limit()
    gc.freeze()  # a collection before a burst then scans only what bursts created, not every module
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))
    with pipe:
        Generator(pipe).serve()
    os._exit(0)  # nothing is left to save, and closing thousands of connections takes seconds


if __name__ == "__main__":
    main()
