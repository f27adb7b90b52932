"""What a burst measured of one journey: how many users completed it, and in what time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kindgate.histogram import Histogram
from kindgate.load.encoded_histogram import EncodedHistogram


@dataclass(frozen=True)
class JourneySeries:
    """One journey and arm.

    `scheduled` journeys came due, `started` ones sent their first step. `failed` ones had a failed step, or found no slot in
    time; they have no duration. Journeys that are neither `completed` nor `failed` were lost by the generator, or were pausing
    when the burst was interrupted. `duration` is the time from the intended start to the end of the last step, in microseconds.
    """

    journey: str
    arm: str
    tags: tuple[tuple[str, str], ...] = ()
    scheduled: int = 0
    started: int = 0
    completed: int = 0
    failed: int = 0
    duration: EncodedHistogram = field(default_factory=Histogram.empty)

    @property
    def key(self) -> tuple[str, str]:
        """Identifies the series."""
        return (self.journey, self.arm)

    @classmethod
    def merged(cls, parts: Iterable[JourneySeries]) -> JourneySeries:
        """The sum of series with the same key."""
        items = list(parts)
        return replace(
            items[0],
            scheduled=sum(part.scheduled for part in items),
            started=sum(part.started for part in items),
            completed=sum(part.completed for part in items),
            failed=sum(part.failed for part in items),
            duration=Histogram.merged(part.duration for part in items),
        )
