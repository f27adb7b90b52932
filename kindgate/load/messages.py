"""What a burst and its generator processes say to each other, pickled over a pipe that only they hold."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.load.plan import BurstPlan
from kindgate.load.samples import Rows


@dataclass(frozen=True)
class Run:
    """Make ready to send the `index`th of `of` shares of `plan`, report that as `Prepared`, and wait for `Start`."""

    plan: BurstPlan
    index: int
    of: int
    cap: int
    progress: bool


@dataclass(frozen=True)
class Prepared:
    """Everything that can be done before a burst is done."""


@dataclass(frozen=True)
class Start:
    """Send the share from `at` on, on the clock of `time.monotonic_ns`."""

    at: int


@dataclass(frozen=True)
class Stop:
    """End the burst now, or before it has begun, and report what there is."""


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
