"""Load that another program sends instead of the engine: the users of a locustfile, or a k6 script. Plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

from kindgate.errors import LoadError

WORKERS_LIMIT: Final = 64


@dataclass(frozen=True)
class K6Script:
    """A script that k6 runs with its own options. `open_loop`: all of its scenarios start iterations at a given rate."""

    script: str
    open_loop: bool

    @property
    def file(self) -> str:
        """The path of the script."""
        return self.script


@dataclass(frozen=True)
class LocustUsers:
    """The users that a locustfile defines, started at `spawn_rate` per second and divided among `workers` processes."""

    locustfile: str
    spawn_rate: float
    workers: int = 1

    def __post_init__(self) -> None:
        """Reject users that never start."""
        if not (math.isfinite(self.spawn_rate) and self.spawn_rate > 0):
            raise LoadError(f"the spawn rate must be greater than 0, not {self.spawn_rate:g}")
        if not 1 <= self.workers <= WORKERS_LIMIT:
            raise LoadError(f"the number of Locust workers must be between 1 and {WORKERS_LIMIT}, not {self.workers}")

    @property
    def file(self) -> str:
        """The path of the locustfile."""
        return self.locustfile


Program: TypeAlias = LocustUsers | K6Script
