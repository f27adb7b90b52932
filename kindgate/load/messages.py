"""What a burst and its generator processes say to each other, pickled over a pipe that only they hold."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.load.plan import BurstPlan
from kindgate.load.samples import Rows


@dataclass(frozen=True)
class Run:
    """Send the `index`th of `of` shares of `plan`, from `start` on the clock of `time.monotonic_ns`."""

    plan: BurstPlan
    index: int
    of: int
    cap: int
    start: int
    progress: bool


@dataclass(frozen=True)
class Stop:
    """End the burst now, and report what there is."""


@dataclass(frozen=True)
class Ready:
    """The generator has started."""


@dataclass(frozen=True)
class Recent:
    """Rows recorded since the last such message."""

    elapsed: float
    in_flight: int
    rows: Rows


@dataclass(frozen=True)
class Done:
    """A generator's share is over. `cpu_seconds` of its process during `seconds`; `connections` it opened."""

    rows: Rows
    seconds: float
    cpu_seconds: float
    connections: int
    complete: bool


@dataclass(frozen=True)
class Broken:
    """The generator cannot go on."""

    reason: str
