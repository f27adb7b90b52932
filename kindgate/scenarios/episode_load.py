"""Open-loop load around an action: it runs before, during and after it, until the steady state is back.

The load runs in a thread of its own, the action in its caller's:

    with EpisodeLoad(plan) as load:
        load.begin()
        ...
        load.end()
    episode = load.episode(scenario="rollout", action="restart", targets=("Deployment shop/web",))
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from kindgate.errors import LoadError
from kindgate.load.burst_duration import longest_timeout, preparation_seconds
from kindgate.load.generator_pool import GeneratorPool, warm_up
from kindgate.load.generator_process import START_SECONDS
from kindgate.load.in_flight import uncapped
from kindgate.load.own_cpu import OwnCpu
from kindgate.load.plan import BurstPlan, OpenLoop, Stage
from kindgate.load.raw_samples import CODES, Column, Rows
from kindgate.load.report_collector import FINISH_LEAD_SECONDS, GRACE_SECONDS
from kindgate.load.result import BurstResult, FailureKind
from kindgate.scenarios.attribution import first_success, phase_figures, route_figures, sendable, slots
from kindgate.scenarios.recovery import recovered_at
from kindgate.scenarios.running_load import RunningLoad
from kindgate.slo.episode import Episode, EpisodeEvent, Marks, ReplicaCount
from kindgate.slo.load_health import LoadHealth
from kindgate.waiting import Deadline

BEFORE_SECONDS: Final = 5.0
"""Seconds of load before the action: the steady state that recovery is measured against."""

AFTER_SECONDS: Final = 30.0
"""Seconds after the action within which the steady state must be back; the episode ends without recovery then."""

LONGEST_SECONDS: Final = 900.0
"""Seconds after which the load of an episode ends, whatever happens."""

RAMP_SECONDS: Final = 10.0
"""Seconds in which the rate rises in an episode with a ramp."""

CUT_SECONDS: Final = 1.0
"""Seconds in which unanswered requests may still end if the episode is interrupted."""


@dataclass(frozen=True)
class Ramp:
    """A rise of the rate that begins with the action: within `seconds` to `factor` times the rate before, where it stays."""

    factor: float
    seconds: float = RAMP_SECONDS


class EpisodeLoad:
    """The load of one episode, a context manager: within its block, requests are being sent.

    `plan` has the routes, and its loop the rate: its highest, which stays the same all the time unless there is a `ramp`. The
    first `warmup` seconds are not counted; after `before` more, the block begins. `own_cpu` separates the run's CPU time from
    that of other programs. The load ends by itself after `longest` seconds. The machine must be reserved for all of it
    (`kindgate.pipeline.load_lock`).

    Leaving the block waits until the steady state is back, at most `after` seconds, and then until every request has been
    answered or lost. An exception ends the load without that; what was measured until then is kept.

    Raises `LoadError` on creation if this machine cannot send the plan without holding requests back, whatever the server does.
    """

    def __init__(
        self,
        plan: BurstPlan,
        *,
        own_cpu: OwnCpu | None = None,
        warmup: float = 2.0,
        before: float = BEFORE_SECONDS,
        after: float = AFTER_SECONDS,
        longest: float = LONGEST_SECONDS,
        ramp: Ramp | None = None,
    ) -> None:
        if plan.program is not None:
            raise LoadError("another program cannot send the load of a scenario", next_step="describe the load with routes:")
        loop = plan.loop
        if isinstance(loop, OpenLoop):
            plan = replace(plan, loop=OpenLoop(_stages(loop.peak_rate, before, longest, ramp), loop.arrival))
        self.plan = uncapped(plan)
        self._warm_up_plan = replace(self.plan, loop=loop)
        self._pool = GeneratorPool(own_cpu)
        self._load = RunningLoad(self.plan, self._pool)
        self._warmup = warmup
        self._before = before
        self._after = after
        self._began: float | None = None
        self._ended: float | None = None
        self._undisturbed = False
        self._events: list[EpisodeEvent] = []
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the load, and return when it has run for `before` seconds. Raises `LoadError` if it does not run."""
        with ExitStack() as stack:
            stack.enter_context(self._pool)
            if self._warmup > 0 and warm_up(self._warm_up_plan, self._warmup, self._pool).interrupted:
                raise KeyboardInterrupt
            stack.callback(self._cut_off)
            self._load.start(Deadline.after(2 * START_SECONDS + preparation_seconds(self.plan)))
            while self._load.running and self._load.elapsed < self._before:
                self._load.wait(max(0.0, self._before - self._load.elapsed))
            if not self._load.running:
                raise LoadError("the load ended before the action began", last_state=self._reason())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wait for the steady state and the last answers, or end the load at once if there is an exception."""
        with self._stack:  # cuts off what is still running, and ends the generators
            if error is None:
                self.end()
                self._await_steady_state()
                self._load.finish()
                self._undisturbed = self._load.join(FINISH_LEAD_SECONDS + longest_timeout(self.plan) + 2 * GRACE_SECONDS)

    def begin(self) -> None:
        """Mark the beginning of the action, once; until `begin` and `end`, all requests are before the action."""
        if self._began is None:
            self._began = self.elapsed

    def end(self) -> None:
        """Mark the end of the action, once; without it, the action ends with the block."""
        self.begin()
        if self._ended is None:
            self._ended = self.elapsed

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the load, as in marks and events."""
        return self._load.elapsed

    @property
    def started(self) -> float:
        """The start of the load in seconds since the epoch: subtracted from a time of Kubernetes, it is one of the episode."""
        return self._load.started

    def note(self, source: str, text: str, at: float | None = None) -> None:
        """Add an event to the episode's timeline, from any thread: at `at` seconds, or now."""
        event = EpisodeEvent(self.elapsed if at is None else at, source, text)
        with self._lock:
            self._events.append(event)

    def episode(
        self,
        *,
        scenario: str,
        action: str,
        targets: Iterable[str],
        error: str = "",
        undone: str = "",
        replicas: Iterable[ReplicaCount] = (),
    ) -> Episode:
        """The episode, when the block has been left. Raises `LoadError` if not one request is known."""
        everything = self._load.rows()
        if not len(everything):
            raise LoadError("the load of the episode recorded no request", last_state=self._reason())
        complete = self._undisturbed and self._load.complete and not self._early_end()
        rows = sendable(everything if complete else _without_cut_off(everything))
        finished = self._load.finished
        began = min(finished if self._began is None else self._began, finished)
        ended = max(began, min(finished if self._ended is None else self._ended, finished))
        recovered = recovered_at(rows, began, ended, finished)
        marks = Marks(began, ended, recovered, finished)
        with self._lock:
            events = tuple(sorted(self._events, key=lambda event: event.at))
        result = self._load.result
        return Episode(
            scenario=scenario,
            action=action,
            targets=tuple(targets),
            started=self.started,
            marks=marks,
            phases=phase_figures(rows, marks),
            routes=route_figures(rows, self.plan, finished),
            slots=slots(rows, finished),
            first_success=first_success(rows, self.plan, finished),
            recovery=None if recovered is None else round((recovered - ended) * 1000, 3),
            foreign=result.health.foreign if result is not None else None,
            complete=complete,
            events=events,
            replicas=tuple(replicas),
            error="; ".join(each for each in (error, self._early_end()) if each),
            undone=undone,
            health=_health(result),
        )

    def _await_steady_state(self) -> None:
        """Return when the steady state is back, after `after` seconds, or when the load has ended."""
        began, ended = self._began or 0.0, self._ended or 0.0
        deadline = time.monotonic() + self._after
        while self._load.running and time.monotonic() < deadline:
            if recovered_at(sendable(self._load.rows()), began, ended, self._load.settled) is not None:
                return
            self._load.wait(max(0.0, deadline - time.monotonic()))

    def _cut_off(self) -> None:
        """End the load at once, if it is still running."""
        self._load.finish()
        if not self._load.join(FINISH_LEAD_SECONDS + CUT_SECONDS):
            self._load.stop()
            self._load.join(GRACE_SECONDS)

    def _reason(self) -> str:
        """Why the load ended, if it failed."""
        failure = self._load.failure
        return str(failure) if failure is not None else ""

    def _early_end(self) -> str:
        """Why the load ended before the episode did, as far as it was not interrupted; empty if it did not."""
        if self._load.failure is not None:
            return self._load.failure.message
        result = self._load.result
        if result is not None and result.missing:
            return f"a load generator exited, and {result.missing:.0%} of the load with it"
        if self._ended is not None and self._ended > self._load.finished:
            return f"the load ended after {self._load.finished:.0f} s, before the action did"
        return ""


def _stages(rate: float, before: float, longest: float, ramp: Ramp | None) -> tuple[Stage, ...]:
    """The rates of an episode: constant for `longest` seconds, or with a ramp after the first `before` of them."""
    if ramp is None:
        return (Stage(longest, rate, rate),)
    peak = ramp.factor * rate
    return (Stage(before, rate, rate), Stage(ramp.seconds, rate, peak), Stage(max(1.0, longest - before - ramp.seconds), peak, peak))


def _without_cut_off(rows: Rows) -> Rows:
    """The rows without the requests that were cut off: what would have become of them is unknown."""
    known: Rows = rows[rows[:, Column.OUTCOME] != CODES[FailureKind.UNANSWERED]]
    return known


def _health(result: BurstResult | None) -> LoadHealth:
    """The health of the generators and their machine during the episode; without a result, all generators were lost."""
    if result is None:
        return LoadHealth(missing=1.0)
    return LoadHealth(
        lag=result.loop_lag.percentile(99) / 1000 if result.loop_lag.count else None,
        punctual=result.punctual_share,
        cpu_share=result.health.cpu_share,
        steal=result.health.steal,
        missing=result.missing,
    )
