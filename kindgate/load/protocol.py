"""Messages between a burst and its generator processes, pickled over a private pipe."""

from __future__ import annotations

from dataclasses import dataclass

from kindgate.load.body_samples import BodySample
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
class Finish:
    """Send nothing that is due at or after `at` on the clock of `time.monotonic_ns`; then the share is over, and complete.

    All generators of a burst get the same `at`, so they send one schedule that ends there.
    """

    at: int


@dataclass(frozen=True)
class Ready:
    """The generator has started."""


@dataclass(frozen=True)
class Recent:
    """Rows recorded by share `index` since its last `Recent`.

    The rows of all requests that were due before `settled` (nanoseconds after the start) have been reported. In a journey,
    further steps become due only later.
    """

    index: int
    elapsed: float
    in_flight: int
    rows: Rows
    settled: int


@dataclass(frozen=True)
class Done:
    """A generator's share is over: the rows of requests and journeys, and responses to be checked against JSON schemas.

    `followed` is the number of redirects followed per route; `cpu_seconds` of its process during `seconds`; `connections` is the
    number it opened.
    """

    rows: Rows
    journeys: Rows
    samples: tuple[BodySample, ...]
    followed: tuple[int, ...]
    seconds: float
    cpu_seconds: float
    connections: int
    complete: bool


@dataclass(frozen=True)
class Broken:
    """The generator cannot go on."""

    reason: str
