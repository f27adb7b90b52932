"""The search for a capacity: which rate of arrivals to try next, and what the trials so far show. Pure.

Rates rise by a quarter until one is missed, or fall until one is met; the range between the two is then halved twice. A miss
counts when it repeats, because one bad moment is not a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kindgate.model import Verdict

FACTOR: Final = 1.25
"""Factor between two rates of the first part of a search."""

PRECISION: Final = 1.07
"""Largest factor between a rate that is met and one that is missed at which a search ends."""

LARGEST_RATE: Final = 200_000.0
"""Arrivals per second at which a search ends: out of reach of one machine's generators."""

SMALLEST_SHARE: Final = 0.1
"""Share of the first rate at which a search downwards ends."""

ATTEMPTS: Final = 2
"""Bursts after which a rate is missed."""

NEAR_BURSTS: Final = (3, 9)
"""Fewest and most bursts of a search for a capacity between half and twice the first rate."""


@dataclass(frozen=True)
class RateTrial:
    """The outcome of `bursts` bursts at `rate` requests and journeys per second.

    PASS if the objectives were met, FAIL if they were missed, INVALID if the generator or the machine was at fault; `reason`
    says why it is not PASS.
    """

    rate: float
    verdict: Verdict
    reason: str = ""
    bursts: int = 1


@dataclass(frozen=True)
class CapacityRange:
    """What the trials show: the objectives are met at `met`, and missed at `missed`; None if no such rate was tried.

    `reason` says why the rate `missed` was not met. `unknown`: because the generator or the machine was at fault, so the
    capacity may be higher.
    """

    met: float | None
    missed: float | None
    reason: str = ""
    unknown: bool = False

    @property
    def at_least(self) -> bool:
        """Whether the capacity is only known to be no less than `met`."""
        return self.met is not None and (self.missed is None or self.unknown)


def capacity_range(trials: Iterable[RateTrial]) -> CapacityRange:
    """The highest rate that was met, and the lowest one above it that was not."""
    tried = tuple(trials)
    met = {trial.rate for trial in tried if trial.verdict is Verdict.PASS}
    highest = max(met, default=None)
    above = [trial for trial in tried if trial.rate not in met and (highest is None or trial.rate > highest)]
    if not above:
        return CapacityRange(highest, None)
    lowest = min(trial.rate for trial in above)
    last = [trial for trial in above if trial.rate == lowest][-1]
    return CapacityRange(highest, lowest, last.reason, last.verdict is Verdict.INVALID)


def next_rate(trials: Sequence[RateTrial]) -> float | None:
    """The rate of the next burst, after at least one trial; None at the end of the search."""
    last = trials[-1]
    if last.verdict is not Verdict.PASS and sum(trial.bursts for trial in trials if trial.rate == last.rate) < ATTEMPTS:
        return last.rate
    found = capacity_range(trials)
    if found.missed is None or found.met is None:
        following = _rounded(last.rate * FACTOR if found.missed is None else last.rate / FACTOR)
        return following if SMALLEST_SHARE * trials[0].rate <= following <= LARGEST_RATE and following != last.rate else None
    if found.unknown or found.missed / found.met <= PRECISION:
        return None
    between = _rounded(math.sqrt(found.met * found.missed))
    return between if found.met < between < found.missed else None


def _rounded(rate: float) -> float:
    """A rate with at most one decimal place, from 100 on without any."""
    return round(rate, 1 if rate < 100 else 0)
