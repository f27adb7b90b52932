"""CPU time of a measured tool, of the server, and of all other programs."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from kindgate.load.machine import MachineTimes


class Server(Protocol):
    """The measured tool's target."""

    def cpu_seconds(self) -> float:
        """Return its CPU time so far, in seconds."""


@dataclass
class Usage:
    """CPU use in a `with` block. Figures are in seconds, except `foreign`, which is in cores.

    `children` counts this process's children that ended in the block, which is how every other tool is run, and `this_process` counts
    the process itself, which collects kindgate's generator results. `foreign` excludes these and the server.
    """

    server: Server
    seconds: float = 0.0
    children: float = 0.0
    this_process: float = 0.0
    server_cpu: float = 0.0
    foreign: float = 0.0

    def __enter__(self) -> Self:
        """Read the counters."""
        self._machine, self._server = MachineTimes.now(), self.server.cpu_seconds()
        self._children, self._self = children_seconds(), this_seconds()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Read the counters again, and store the differences."""
        machine = MachineTimes.now()
        self.seconds = machine.at - self._machine.at
        self.children = children_seconds() - self._children
        self.server_cpu = self.server.cpu_seconds() - self._server
        self.this_process = this_seconds() - self._self
        excluded = self.children + self.server_cpu + self.this_process
        self.foreign = max(0.0, machine.busy - self._machine.busy - excluded) / self.seconds


def children_seconds() -> float:
    """Return the CPU time of this process's children that have ended."""
    return _used(resource.RUSAGE_CHILDREN)


def this_seconds() -> float:
    """Return the CPU time of this process."""
    return _used(resource.RUSAGE_SELF)


def _used(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
