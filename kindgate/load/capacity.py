"""Capacity search: open-loop bursts at rising rates, to find the highest rate that still meets the objectives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from kindgate.errors import LoadError
from kindgate.load.result import BurstResult

ANSWERED_SHARE: Final = 0.99
"""Minimum share of sent requests that must succeed; below it the server is overloaded, whatever its percentiles."""


@dataclass(frozen=True)
class Step:
    """One rate that was tried; `reason` is why it did not pass (empty: it passed)."""

    rate: float
    result: BurstResult
    reason: str

    @property
    def passed(self) -> bool:
        """Whether the rate passed."""
        return not self.reason


@dataclass(frozen=True)
class Capacity:
    """The highest rate that passed (None: not even the first), and every step in order, complete or interrupted.

    `exhausted`: the last planned rate passed too, so the capacity is at least that rate. `interrupted`: the search was
    ended from outside.
    """

    rate: float | None
    steps: tuple[Step, ...]
    exhausted: bool
    interrupted: bool = False


def search_rates(start: float, factor: float, limit: float) -> Iterator[float]:
    """Yield `start`, then each rate multiplied by `factor`, up to `limit`; raises `LoadError` if the search would never end."""
    if not (start > 0 and factor > 1):
        raise LoadError("a capacity search needs a rate above 0 and a factor above 1")
    rate = start
    while rate <= limit:
        yield round(rate, 1)
        rate *= factor


def find_capacity(
    rates: Iterator[float],
    send: Callable[[float], BurstResult],
    judge: Callable[[BurstResult], str],
    *,
    on_step: Callable[[Step], None] = lambda _step: None,
) -> Capacity:
    """Send bursts at `rates` until one rate fails twice in a row.

    `judge` returns why a burst does not pass, or an empty string. The first burst that does not pass is repeated once:
    one bad moment is not a limit. An interrupted burst ends the search.
    """
    steps: list[Step] = []
    best: float | None = None
    for rate in rates:
        for _attempt in range(2):
            result = send(rate)
            if result.interrupted:
                interrupted_step = Step(rate, result, "interrupted")
                on_step(interrupted_step)
                return Capacity(best, (*steps, interrupted_step), exhausted=False, interrupted=True)
            step = Step(rate, result, _success_shortfall(result) or judge(result))
            steps.append(step)
            on_step(step)
            if step.passed:
                break
        if not steps[-1].passed:
            return Capacity(best, tuple(steps), exhausted=False)
        best = rate
    return Capacity(best, tuple(steps), exhausted=True)


def _success_shortfall(result: BurstResult) -> str:
    """Why a burst fails by its success share, or an empty string."""
    share = result.total.completed / result.sent if result.sent else 0.0
    return "" if share >= ANSWERED_SHARE else f"only {share:.1%} of the requests sent succeeded"
