"""Send bursts from a pool of generator processes: start them, give each its share, gather their measurements.

`run_burst` and `warm_up` are the entry points for callers of this package.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

import numpy as np

from kindgate.errors import LoadError
from kindgate.load.aggregate import burst_result
from kindgate.load.body_samples import mark_violations
from kindgate.load.burst_duration import longest_timeout, max_duration, preparation_seconds
from kindgate.load.burst_progress import OnBurstProgress, ProgressMeter
from kindgate.load.generator_process import START_SECONDS, GeneratorProcess
from kindgate.load.k6_script import run_k6_script
from kindgate.load.locust_users import run_locust_users
from kindgate.load.machine import MachineTimes, health_between
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop
from kindgate.load.pod_meter import MeteredPod, PodMeter
from kindgate.load.process_limits import in_flight_cap, process_count
from kindgate.load.program import K6Script, Program
from kindgate.load.protocol import Run
from kindgate.load.raw_samples import Rows
from kindgate.load.report_collector import GRACE_SECONDS, OpenEnd, ReportCollector, StopRequested
from kindgate.load.result import BurstResult
from kindgate.load.schedule import NANOS
from kindgate.model import Window
from kindgate.waiting import Deadline

OnRows = Callable[[Rows], None]
"""Receives every request of a burst, generator by generator, each in the order in which requests ended."""

WARM_UP_SEEDS: Final = 2_000_003
"""Distance of a warm-up's seed from its burst's: farther than that of a second series of bursts, whose seeds it must not reach."""

LEAD_SECONDS: Final = 0.01
"""Seconds between sending `Start` to every generator and the start of the burst: they only need to read the message."""


@dataclass(frozen=True)
class Shares:
    """Shares `indexes` out of `of` of a plan, to start at `started` (seconds since the epoch; None: when all generators are ready)."""

    indexes: Sequence[int]
    of: int
    started: float | None = None


class GeneratorPool:
    """Generators that live across bursts with their connections; a context manager that ends them.

    `own_cpu` separates the run's CPU time from that of other programs; without it, results lack the share of those programs.
    The resources of `pods` are metered during each burst.
    """

    def __init__(self, own_cpu: OwnCpu | None = None, pods: Sequence[MeteredPod] = ()) -> None:
        self._processes: list[GeneratorProcess] = []
        self._own_cpu = own_cpu
        self._pods = tuple(pods)

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
        open_end: OpenEnd | None = None,
    ) -> BurstResult:
        """Send `plan` and return the result; `on_rows` receives the raw samples. With `open_end`, the plan can finish before its end.

        Ctrl-C, or `stop` returning True, ends the burst early: the result then holds what was measured until then and is
        marked as interrupted. The share of a generator that dies is missing. Raises `LoadError` if no generator can run.

        A plan's program sends the burst without progress and raw samples, and only Ctrl-C ends it early.
        """
        if plan.program is not None:
            return self._run_program(plan, plan.program)
        count = process_count(plan)
        in_flight_cap(plan, count)  # raises before anything is started
        self._ready(count)
        return self.run_shares(plan, Shares(range(count), count), on_progress=on_progress, stop=stop, on_rows=on_rows, open_end=open_end)

    def run_shares(
        self,
        plan: BurstPlan,
        shares: Shares,
        *,
        on_progress: OnBurstProgress | None = None,
        stop: StopRequested | None = None,
        on_rows: OnRows | None = None,
        open_end: OpenEnd | None = None,
    ) -> BurstResult:
        """Send only some shares of `plan`, one generator each; otherwise like `run`."""
        count = len(shares.indexes)
        cap = in_flight_cap(plan, shares.of)
        workers = self._ready(count)
        meter = ProgressMeter(count, on_progress) if on_progress else None
        for index, process in zip(shares.indexes, workers, strict=True):
            share = max(1, cap // shares.of + (index < cap % shares.of))
            process.pipe.send(Run(plan, index, shares.of, share, meter is not None or open_end is not None))
        collector = ReportCollector(workers, meter, stop, open_end)
        collector.await_prepared(Deadline.after(START_SECONDS + preparation_seconds(plan)))
        own_before = self._own_cpu.now() if self._own_cpu else None  # before the start, because it takes some milliseconds of CPU time
        before = MachineTimes.now()
        started = time.time() + LEAD_SECONDS if shares.started is None else shares.started
        with PodMeter(self._pods) as pod_meter:
            collector.start(time.monotonic_ns() + round((started - time.time()) * NANOS))
            collector.wait_until(Deadline.after(started - time.time() + max_duration(plan) + GRACE_SECONDS), longest_timeout(plan))
        after = MachineTimes.now()
        own_after = self._own_cpu.now(own_before) if self._own_cpu and own_before else None
        self._forget(collector.lost)
        if not collector.done:
            raise LoadError("every load generator exited before it could report", last_state="\n".join(collector.reasons))
        checked = [mark_violations(plan, part.samples, part.rows, part.journeys) for part in collector.done]
        rows = np.concatenate([rows for rows, _ in checked])
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
            finished=collector.finished,
            missing=len(collector.lost) / count,
            usage=pod_meter.usage,
            journeys=np.concatenate([journeys for _, journeys in checked]),
            followed=[sum(counts) for counts in zip(*(part.followed for part in collector.done), strict=True)],
        )

    def _run_program(self, plan: BurstPlan, program: Program) -> BurstResult:
        """Have another program send `plan`, while this machine and the pods are metered."""
        own_before = self._own_cpu.now() if self._own_cpu else None
        before = MachineTimes.now()
        with PodMeter(self._pods) as pod_meter:
            result = run_k6_script(plan, program) if isinstance(program, K6Script) else run_locust_users(plan, program)
        after = MachineTimes.now()
        own_after = self._own_cpu.now(own_before) if self._own_cpu and own_before else None
        own_seconds = own_after.since(own_before) if own_after and own_before else None
        machine = health_between(before, after, [(result.health.cpu_seconds, after.at - before.at)], own_seconds)
        return replace(result, health=replace(result.health, foreign=machine.foreign), usage=pod_meter.usage)

    def _ready(self, count: int) -> list[GeneratorProcess]:
        """The first `count` generators, started if necessary."""
        started = [GeneratorProcess.launch() for _ in range(count - len(self._processes))]
        self._processes += started
        deadline = Deadline.after(START_SECONDS)
        for process in started:
            process.await_ready(deadline)
        return self._processes[:count]

    def _forget(self, lost: list[GeneratorProcess]) -> None:
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

    The schedule differs from the plan's, so caches are not warmed for the exact order of requests that follows. A k6 script
    is not sent, because it would run in full.
    """
    loop = plan.loop
    if isinstance(plan.program, K6Script):  # it defines its own duration
        return BurstResult(plan, Window(0.0, 0.0), 0.0, ())
    if isinstance(loop, OpenLoop):
        warm_up_loop: OpenLoop | ClosedLoop = OpenLoop.constant(loop.peak_rate, seconds=seconds, arrival=loop.arrival)
    else:
        warm_up_loop = ClosedLoop(loop.users, seconds=seconds)
    return run_burst(replace(plan, loop=warm_up_loop, seed=plan.seed + WARM_UP_SEEDS), pool=pool, stop=stop)
