"""The parent's side of a running burst: start its generators, receive their reports, and end it early or by request."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Final

from kindgate.load.burst_progress import ProgressMeter
from kindgate.load.generator_process import GeneratorProcess
from kindgate.load.protocol import Broken, Done, Finish, Prepared, Recent, Start, Stop
from kindgate.load.schedule import NANOS
from kindgate.waiting import Deadline

StopRequested = Callable[[], bool]
"""Returns whether to end the running burst now."""

GRACE_SECONDS: Final = 10.0
"""Seconds after the last possible response within which a generator must report."""

POLL_SECONDS: Final = 0.1

FINISH_LEAD_SECONDS: Final = 0.2
"""Seconds between sending `Finish` to every generator and the end of its schedule: each reads the message at its next tick."""


@dataclass(frozen=True)
class OpenEnd:
    """For an open loop that is sent until its caller has it finish: the plan is then only its maximum.

    `on_start` receives the start on the clock of `time.monotonic_ns`. `on_recent` receives what generators report while they
    run. Once `finish` returns True, every generator ends its schedule at the same time; requests sent before are still
    awaited, and the result is complete: it counts only requests due until then, in `seconds`. All are called in the thread
    that waits for the burst.
    """

    on_start: Callable[[int], object]
    on_recent: Callable[[Recent], object]
    finish: Callable[[], bool]


class ReportCollector:
    """The messages of one burst: `done` reports, `lost` generators and their `reasons`.

    `finished` is the time in seconds after the start at which the schedule was ended by request.
    """

    def __init__(
        self, workers: list[GeneratorProcess], meter: ProgressMeter | None, stop: StopRequested | None, open_end: OpenEnd | None
    ) -> None:
        self.finished: float | None = None
        self.done: list[Done] = []
        self.lost: list[GeneratorProcess] = []
        self.reasons: list[str] = []
        self._running = {process.pipe.fileno(): process for process in workers}
        self._unprepared = dict(self._running)
        self._meter = meter
        self._stop = stop
        self._stopping = False
        self._open_end = open_end
        self._started = 0

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
        self._started = at
        self._send(Start(at))
        if self._open_end:
            self._open_end.on_start(at)

    def wait_until(self, deadline: Deadline, timeout: float) -> None:
        """Wait until every generator has reported or is lost; those still running at the deadline are lost.

        If the schedule is ended by request, no answer comes later than `timeout` seconds after that.
        """
        while self._running:
            with self._stopping_on_interrupt():
                while self._running and not deadline.expired:
                    self._receive_or_stop()
                    if self._open_end and self.finished is None and self._open_end.finish():
                        self._finish()
                        deadline = deadline.at_most(FINISH_LEAD_SECONDS + timeout + GRACE_SECONDS)
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

    def _drop(self, process: GeneratorProcess, reason: str) -> None:
        self.reasons.append(reason)
        self.lost.append(process)
        self._forget(process)

    def _forget(self, process: GeneratorProcess) -> None:
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
                    if self._open_end:
                        self._open_end.on_recent(message)
                case Done():
                    self.done.append(message)
                    self._forget(process)
                case Broken(reason):
                    self._drop(process, reason)

    def _finish(self) -> None:
        at = time.monotonic_ns() + round(FINISH_LEAD_SECONDS * NANOS)
        self.finished = (at - self._started) / NANOS
        self._send(Finish(at))

    def _send_stop(self) -> None:
        self._stopping = True
        self._send(Stop())

    def _send(self, message: Start | Finish | Stop) -> None:
        """Send to every running generator; the end of one that exited is noticed when its message is due."""
        for process in self._running.values():
            with contextlib.suppress(OSError):
                process.pipe.send(message)
