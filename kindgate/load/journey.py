"""Journeys as plain data: ordered requests of one user. `kindgate.load.journeys` sends them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kindgate.errors import LoadError


@dataclass(frozen=True)
class Step:
    """One request of a journey: the index of its route in the plan, and the pause before it in seconds."""

    route: int
    think: float = 0.0

    def __post_init__(self) -> None:
        """Reject a pause that is not a time."""
        if not (math.isfinite(self.think) and self.think >= 0):
            raise LoadError(f"a pause cannot last {self.think:g} s")


@dataclass(frozen=True)
class Journey:
    """Steps that one user takes in order, each after the response to the one before; a failed step ends it.

    `weight` is its number of occurrences in every block of the schedule; `arm`, `tags` and `stream` are as in a route.
    """

    name: str
    steps: tuple[Step, ...]
    weight: int = 1
    arm: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    stream: str = ""

    def __post_init__(self) -> None:
        """Reject a journey without a name or steps."""
        if not self.name:
            raise LoadError("a journey needs a name")
        if not self.steps:
            raise LoadError(f"the journey {self.name} has no steps")
        if self.weight < 0:
            raise LoadError(f"the weight of {self.name} must be 0 or more, not {self.weight}")
