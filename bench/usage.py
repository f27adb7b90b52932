"""CPU time of a measured tool, of the server, and of everybody else."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from kindgate.load.machine import MachineTimes


class Server(Protocol):
    """What is measured beside a tool."""

    def cpu_seconds(self) -> float:
        """CPU time that it has used so far."""


@dataclass
class Usage:
    """A span of time as a context manager. CPU figures are in seconds; `foreign` is in cores.

    `own` counts this process's children that ended inside, which is how every other tool is run, and `this` the process
    itself, which collects what kindgate's generators send it. `foreign` leaves out these and the server.
    """

    server: Server
    seconds: float = 0.0
    own: float = 0.0
    this: float = 0.0
    server_cpu: float = 0.0
    foreign: float = 0.0

    def __enter__(self) -> Self:
        """Take the counters."""
        self._machine, self._server = MachineTimes.now(), self.server.cpu_seconds()
        self._children, self._self = children_seconds(), this_seconds()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take them again, and compare."""
        machine = MachineTimes.now()
        self.seconds = machine.at - self._machine.at
        self.own = children_seconds() - self._children
        self.server_cpu = self.server.cpu_seconds() - self._server
        self.this = this_seconds() - self._self
        ours = self.own + self.server_cpu + self.this
        self.foreign = max(0.0, machine.busy - self._machine.busy - ours) / self.seconds


def children_seconds() -> float:
    """CPU time of this process's children that have ended."""
    return _used(resource.RUSAGE_CHILDREN)


def this_seconds() -> float:
    """CPU time of this process."""
    return _used(resource.RUSAGE_SELF)


def _used(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
