"""The load of an episode, sent in a thread of its own until it is told to finish; its rows are kept as they arrive."""

from __future__ import annotations

import threading
import time
from typing import Final

import numpy as np

from kindgate.errors import KindgateError, LoadError
from kindgate.load.generator_pool import GeneratorPool
from kindgate.load.plan import BurstPlan
from kindgate.load.protocol import Recent
from kindgate.load.raw_samples import NO_ROWS, Column, Rows
from kindgate.load.report_collector import OpenEnd
from kindgate.load.result import BurstResult
from kindgate.load.schedule import NANOS
from kindgate.waiting import Deadline

_IDENTITY: Final = [Column.ROUTE, Column.INTENDED, Column.SENT, Column.DONE]


class RunningLoad:
    """Sends the open loop of `plan` with the generators of `pool`, which nothing else may use meanwhile.

    `started` is the start in seconds since the epoch. `result` is there when the load has ended, `failure` if it ended
    because no generator was left.
    """

    def __init__(self, plan: BurstPlan, pool: GeneratorPool) -> None:
        self.started = 0.0
        self.result: BurstResult | None = None
        self.failure: KindgateError | None = None
        self._plan = plan
        self._pool = pool
        self._start = 0
        self._finishing, self._stopping = threading.Event(), threading.Event()
        self._news = threading.Condition()
        self._ended = False
        self._recent: list[Rows] = []
        self._final: Rows | None = None
        self._settled: dict[int, int] = {}
        self._thread = threading.Thread(target=self._send, name="kindgate-load", daemon=True)

    def start(self, deadline: Deadline) -> None:
        """Start, and return once requests are sent. Raises `LoadError` if the load does not start by the deadline."""
        self._thread.start()
        with self._news:
            while not self._start and not self._ended and not deadline.expired:
                self._news.wait(deadline.remaining)
        if not self._start:
            raise self.failure or LoadError("the load of the episode did not start", waited=deadline.waited)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return (time.monotonic_ns() - self._start) / NANOS

    @property
    def running(self) -> bool:
        """Whether it is still being sent or awaited."""
        return not self._ended

    @property
    def complete(self) -> bool:
        """Whether all of it has ended by itself or as told, and every request had its time."""
        return self.result is not None and not self.result.interrupted and not self.result.missing

    @property
    def finished(self) -> float:
        """Seconds after the start at which the last request was due, once the load has ended."""
        if self.result is not None:
            return self.result.seconds
        rows = self.rows()
        return int(rows[:, Column.INTENDED].max(initial=0)) / NANOS

    @property
    def settled(self) -> float:
        """Seconds after the start until which `rows` has every request that was due."""
        with self._news:
            return min(self._settled.values(), default=0) / NANOS

    def rows(self) -> Rows:
        """What is known so far of the requests that have ended; when the load has ended, all of them."""
        with self._news:
            if self._final is not None and not (self.result and self.result.missing):
                return self._final
            rows: Rows = np.concatenate([NO_ROWS if self._final is None else self._final, *self._recent])
        # generators that died had reported most of their rows before; of others, those are known twice
        _, first = np.unique(rows[:, _IDENTITY], axis=0, return_index=True)
        return rows[np.sort(first)]

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, when there are new rows, or when the load has ended."""
        with self._news:
            if not self._ended:
                self._news.wait(seconds)

    def finish(self) -> None:
        """Send nothing that is due from now on; requests that were sent still have their time."""
        self._finishing.set()

    def stop(self) -> None:
        """Cut off all requests."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end, at most so many seconds; return whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _send(self) -> None:
        try:
            open_end = OpenEnd(on_start=self._on_start, on_recent=self._on_recent, finish=self._finishing.is_set)
            self.result = self._pool.run(self._plan, stop=self._stopping.is_set, on_rows=self._on_rows, open_end=open_end)
        except KindgateError as error:
            self.failure = error
        finally:
            with self._news:
                self._ended = True
                self._news.notify_all()

    def _on_start(self, at: int) -> None:
        with self._news:
            self.started = time.time() + (at - time.monotonic_ns()) / NANOS
            self._start = at
            self._news.notify_all()

    def _on_recent(self, recent: Recent) -> None:
        with self._news:
            self._recent.append(recent.rows)
            self._settled[recent.index] = recent.settled
            self._news.notify_all()

    def _on_rows(self, rows: Rows) -> None:
        with self._news:
            self._final = rows
