"""Messages between a burst and its generator processes, pickled over a private pipe."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.load.plan import BurstPlan
from kindgate.load.raw_samples import Rows


@dataclass(frozen=True)
class Run:
    """Prepare share `index` of `of` of `plan`, report that as `Prepared`, and wait for `Start`."""

    plan: BurstPlan
    index: int
    of: int
    cap: int
    progress: bool


@dataclass(frozen=True)
class Prepared:
    """The generator is ready to send."""


@dataclass(frozen=True)
class Start:
    """Send the share, starting at `at` on the clock of `time.monotonic_ns`."""

    at: int


@dataclass(frozen=True)
class Stop:
    """End the burst now, or cancel it before the start, and report what was measured."""


@dataclass(frozen=True)
class Ready:
    """The generator has started."""


@dataclass(frozen=True)
class Recent:
    """Rows recorded since the last `Recent`."""

    elapsed: float
    in_flight: int
    rows: Rows


@dataclass(frozen=True)
class Done:
    """A generator's share is over. `cpu_seconds` of its process during `seconds`; `connections` is the number it opened."""

    rows: Rows
    seconds: float
    cpu_seconds: float
    connections: int
    complete: bool


@dataclass(frozen=True)
class Broken:
    """The generator cannot go on."""

    reason: str
