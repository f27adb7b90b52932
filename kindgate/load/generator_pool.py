"""Send bursts from a pool of generator processes: start them, give each its share, gather their measurements.

`run_burst` and `warm_up` are the entry points for callers of this package.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from kindgate.errors import LoadError
from kindgate.load.aggregate import burst_result
from kindgate.load.burst_progress import OnBurstProgress, ProgressMeter
from kindgate.load.machine import MachineTimes, health_between
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop
from kindgate.load.process_limits import in_flight_cap, process_count
from kindgate.load.protocol import Broken, Done, Prepared, Ready, Recent, Run, Start, Stop
from kindgate.load.raw_samples import Rows
from kindgate.load.result import BurstResult
from kindgate.load.schedule import NANOS
from kindgate.waiting import Deadline

StopRequested = Callable[[], bool]
"""Returns whether to end the running burst now."""

OnRows = Callable[[Rows], None]
"""Receives every request of a burst, generator by generator, each in the order in which requests ended."""

WARM_UP_SEEDS: Final = 2_000_003
"""Distance of a warm-up's seed from its burst's: farther than that of a second series of bursts, whose seeds it must not reach."""

START_SECONDS: Final = 30.0
"""Startup timeout of a generator in seconds."""

GRACE_SECONDS: Final = 10.0
"""Seconds after the last possible response within which a generator must report."""

LEAD_SECONDS: Final = 0.01
"""Seconds between sending `Start` to every generator and the start of the burst: they only need to read the message."""

SCHEDULED_PER_SECOND: Final = 500_000
"""Requests that a generator can schedule per second, at least."""

POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Shares:
    """Shares `indexes` out of `of` of a plan, to start at `started` (seconds since the epoch; None: when all generators are ready)."""

    indexes: Sequence[int]
    of: int
    started: float | None = None


class GeneratorPool:
    """Generators that live across bursts with their connections; a context manager that ends them.

    `own_cpu` separates the run's CPU time from that of other programs; without it, results lack the share of those programs.
    """

    def __init__(self, own_cpu: OwnCpu | None = None) -> None:
        self._processes: list[_Process] = []
        self._own_cpu = own_cpu

    def __enter__(self) -> Self:
        """Return the pool; its processes start with the first burst."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End all generators."""
        for process in self._processes:
            process.end()
        self._processes.clear()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """PIDs of the running generators, in the order of use."""
        return tuple(process.popen.pid for process in self._processes)

    def run(
        self,
        plan: BurstPlan,
        *,
        on_progress: OnBurstProgress | None = None,
        stop: StopRequested | None = None,
        on_rows: OnRows | None = None,
    ) -> BurstResult:
        """Send `plan` and return the result; `on_rows` receives the raw samples.

        Ctrl-C, or `stop` returning True, ends the burst early: the result then holds what was measured until then and is
        marked as interrupted. The share of a generator that dies is missing. Raises `LoadError` if no generator can run.
        """
        count = process_count(plan)
        in_flight_cap(plan, count)  # raises before anything is started
        self._ready(count)
        return self.run_shares(plan, Shares(range(count), count), on_progress=on_progress, stop=stop, on_rows=on_rows)

    def run_shares(
        self,
        plan: BurstPlan,
        shares: Shares,
        *,
        on_progress: OnBurstProgress | None = None,
        stop: StopRequested | None = None,
        on_rows: OnRows | None = None,
    ) -> BurstResult:
        """Send only some shares of `plan`, one generator each; otherwise like `run`."""
        count = len(shares.indexes)
        cap = in_flight_cap(plan, shares.of)
        workers = self._ready(count)
        meter = ProgressMeter(count, on_progress) if on_progress else None
        for index, process in zip(shares.indexes, workers, strict=True):
            share = max(1, cap // shares.of + (index < cap % shares.of))
            process.pipe.send(Run(plan, index, shares.of, share, meter is not None))
        collector = _ReportCollector(workers, meter, stop)
        collector.await_prepared(Deadline.after(START_SECONDS + (_scheduled(plan) / SCHEDULED_PER_SECOND)))
        own_before = self._own_cpu.now() if self._own_cpu else None  # before the start, because it takes some milliseconds of CPU time
        before = MachineTimes.now()
        started = time.time() + LEAD_SECONDS if shares.started is None else shares.started
        collector.start(time.monotonic_ns() + round((started - time.time()) * NANOS))
        collector.wait_until(Deadline.after(started - time.time() + max_duration(plan) + GRACE_SECONDS))
        after = MachineTimes.now()
        own_after = self._own_cpu.now(own_before) if self._own_cpu and own_before else None
        self._forget(collector.lost)
        if not collector.done:
            raise LoadError("every load generator exited before it could report", last_state="\n".join(collector.reasons))
        rows = np.concatenate([part.rows for part in collector.done])
        if on_rows:
            on_rows(rows)
        return burst_result(
            plan,
            rows,
            started=started,
            health=health_between(
                before,
                after,
                [(part.cpu_seconds, part.seconds) for part in collector.done],
                own_after.since(own_before) if own_after and own_before else None,
            ),
            connections=sum(part.connections for part in collector.done),
            interrupted=not all(part.complete for part in collector.done),
            missing=len(collector.lost) / count,
        )

    def _ready(self, count: int) -> list[_Process]:
        """The first `count` generators, started if necessary."""
        started = [_Process.launch() for _ in range(count - len(self._processes))]
        self._processes += started
        deadline = Deadline.after(START_SECONDS)
        for process in started:
            process.await_ready(deadline)
        return self._processes[:count]

    def _forget(self, lost: list[_Process]) -> None:
        for process in lost:
            self._processes.remove(process)
            process.popen.kill()
            process.end()


def run_burst(
    plan: BurstPlan,
    *,
    pool: GeneratorPool | None = None,
    on_progress: OnBurstProgress | None = None,
    stop: StopRequested | None = None,
    on_rows: OnRows | None = None,
) -> BurstResult:
    """Send `plan` with the generators of `pool`, or with new ones that exit after the burst.

    Ctrl-C, or `stop` returning True, ends the burst early; the result is then marked as interrupted and holds what was
    measured. `on_rows` receives the raw samples. Raises `LoadError` if the plan cannot be sent from this machine.
    """
    if pool is not None:
        return pool.run(plan, on_progress=on_progress, stop=stop, on_rows=on_rows)
    with GeneratorPool() as new_pool:
        return new_pool.run(plan, on_progress=on_progress, stop=stop, on_rows=on_rows)


def warm_up(plan: BurstPlan, seconds: float, pool: GeneratorPool, *, stop: StopRequested | None = None) -> BurstResult:
    """Send `plan` for `seconds` at its own rate or number of users, to warm caches and connections on both sides; not judged.

    The schedule differs from the plan's, so caches are not warmed for the exact order of requests that follows.
    """
    loop = plan.loop
    if isinstance(loop, OpenLoop):
        warm_up_loop: OpenLoop | ClosedLoop = OpenLoop.constant(loop.peak_rate, seconds=seconds, arrival=loop.arrival)
    else:
        warm_up_loop = ClosedLoop(loop.users, seconds=seconds)
    return run_burst(replace(plan, loop=warm_up_loop, seed=plan.seed + WARM_UP_SEEDS), pool=pool, stop=stop)


def max_duration(plan: BurstPlan) -> float:
    """Seconds after which the last request of `plan` has succeeded or failed."""
    loop = plan.loop
    if isinstance(loop, OpenLoop):
        return loop.seconds + plan.timeout
    if loop.seconds is not None:
        return loop.seconds + plan.timeout
    return (loop.requests or 0) / loop.users * plan.timeout + plan.timeout


@dataclass(eq=False)
class _Process:
    """A running generator and this end of its pipe."""

    popen: subprocess.Popen[bytes]
    pipe: Connection[Any, Any]

    @classmethod
    def launch(cls) -> _Process:
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


class _ReportCollector:
    """The messages of one burst: `done` reports, `lost` generators and their `reasons`."""

    def __init__(self, workers: list[_Process], meter: ProgressMeter | None, stop: StopRequested | None) -> None:
        self.done: list[Done] = []
        self.lost: list[_Process] = []
        self.reasons: list[str] = []
        self._running = {process.pipe.fileno(): process for process in workers}
        self._unprepared = dict(self._running)
        self._meter = meter
        self._stop = stop
        self._stopping = False

    def await_prepared(self, deadline: Deadline) -> None:
        """Wait until every generator is prepared or lost; those not prepared at the deadline are lost."""
        while self._unprepared:
            with self._stopping_on_interrupt():
                while self._unprepared and not deadline.expired:
                    self._receive_or_stop()
                for process in list(self._unprepared.values()):
                    self._drop(process, f"not ready for the burst within {deadline.waited:.0f} s")

    def start(self, at: int) -> None:
        """Have every generator start at `at`, on the clock of `time.monotonic_ns`."""
        for process in self._running.values():
            with contextlib.suppress(OSError):
                process.pipe.send(Start(at))

    def wait_until(self, deadline: Deadline) -> None:
        """Wait until every generator has reported or is lost; those still running at the deadline are lost."""
        while self._running:
            with self._stopping_on_interrupt():
                while self._running and not deadline.expired:
                    self._receive_or_stop()
                for process in list(self._running.values()):
                    self._drop(process, f"no report within {deadline.waited:.0f} s")

    @contextlib.contextmanager
    def _stopping_on_interrupt(self) -> Iterator[None]:
        """Forward Ctrl-C to the generators: a burst ends early with its result, at whatever point of the block Ctrl-C arrives."""
        try:
            yield
        except KeyboardInterrupt:
            self._send_stop()

    def _receive_or_stop(self) -> None:
        """Handle incoming messages, and forward a request to stop."""
        self._receive()
        if self._stop and not self._stopping and self._stop():
            self._send_stop()

    def _drop(self, process: _Process, reason: str) -> None:
        self.reasons.append(reason)
        self.lost.append(process)
        self._forget(process)

    def _forget(self, process: _Process) -> None:
        for processes in (self._running, self._unprepared):
            processes.pop(process.pipe.fileno(), None)

    def _receive(self) -> None:
        """Handle the messages that arrive within `POLL_SECONDS`."""
        for pipe in wait([process.pipe for process in self._running.values()], POLL_SECONDS):
            process = next(process for process in self._running.values() if process.pipe is pipe)
            try:
                message = process.pipe.recv()
            except (EOFError, OSError) as error:
                message = Broken(f"the generator exited ({type(error).__name__})")
            match message:
                case Prepared():
                    self._unprepared.pop(process.pipe.fileno())
                case Recent():
                    if self._meter:
                        self._meter.add(message)
                case Done():
                    self.done.append(message)
                    self._forget(process)
                case Broken(reason):
                    self._drop(process, reason)

    def _send_stop(self) -> None:
        self._stopping = True
        for process in self._running.values():
            with contextlib.suppress(OSError):
                process.pipe.send(Stop())


def _scheduled(plan: BurstPlan) -> int:
    """Requests to schedule before a burst."""
    return plan.loop.count if isinstance(plan.loop, OpenLoop) else 0
