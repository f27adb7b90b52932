"""One user on a journey: where they are, and what they carry from step to step."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.load.template import Value


class Visit:
    """A journey under way: `journey` is its index in the plan, and `step` the number of the step that is next or in flight.

    Times are nanoseconds after the burst's start; `sent` is that of the first step (-1: not yet). `values` fill the steps'
    templates, `cookies` are lines of Netscape's format, `samples` are indexes of bodies kept for JSON schemas.
    """

    __slots__ = ("cookies", "intended", "journey", "samples", "sent", "step", "values")

    def __init__(self, journey: int, intended: int, values: dict[str, Value]) -> None:
        self.journey = journey
        self.intended = intended
        self.values = values
        self.step = 0
        self.sent = -1
        self.cookies: Sequence[bytes] = ()
        self.samples: list[int] = []
