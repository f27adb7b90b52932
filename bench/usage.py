"""CPU time of a measured tool, of the server, and of everybody else."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench.nginx import Nginx
from kindgate.load.machine import MachineTimes


@dataclass
class Usage:
    """A span of time as a context manager. CPU figures are in seconds; `foreign` is in cores.

    `own` counts this process's children that ended inside, which is how every tool is run.
    """

    server: Nginx
    seconds: float = 0.0
    own: float = 0.0
    server_cpu: float = 0.0
    foreign: float = 0.0

    def __enter__(self) -> Self:
        """Take the counters."""
        self._machine, self._children, self._server = MachineTimes.now(), _children(), self.server.cpu_seconds()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take them again, and compare."""
        machine = MachineTimes.now()
        self.seconds = machine.at - self._machine.at
        self.own = _children() - self._children
        self.server_cpu = self.server.cpu_seconds() - self._server
        self.foreign = max(0.0, machine.busy - self._machine.busy - self.own - self.server_cpu) / self.seconds


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
