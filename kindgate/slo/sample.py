"""What is judged: the figures of one burst, independent of the engine that sent it. Times are whole microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kindgate.histogram import Histogram


@dataclass(frozen=True)
class Series:
    """The requests of one burst that share their tags (`host`, `route`, `arm`, `method`).

    `scheduled` counts all of them, sent or not. `response` (done - intended) is of the requests that succeeded and
    `failed_response` of those that were sent and failed; `waiting` (first byte - sent) and `service` (done - sent)
    are of all that were answered at all. `failed` counts failures by kind, those that were never sent among them, and
    `redirects` the answers with a status of 300 to 399.
    """

    tags: Mapping[str, str]
    scheduled: int
    sent: int
    response: Histogram = field(default_factory=Histogram.empty)
    failed_response: Histogram = field(default_factory=Histogram.empty)
    waiting: Histogram = field(default_factory=Histogram.empty)
    service: Histogram = field(default_factory=Histogram.empty)
    failed: Mapping[str, int] = field(default_factory=dict)
    checks_passed: int = 0
    checks_failed: int = 0
    redirects: int = 0

    @property
    def dropped(self) -> int:
        """Requests that were never sent, for whatever reason."""
        return self.scheduled - self.sent

    def carries(self, tags: Mapping[str, str]) -> bool:
        """Whether these requests have all of `tags`."""
        return all(self.tags.get(key) == value for key, value in tags.items())


@dataclass(frozen=True)
class Health:
    """How the generator and its machine fared in a burst; shares are between 0 and 1, unknown ones `None`.

    `loop_lag` is how late requests were sent although a slot was free. `punctual` of `scheduled` requests were sent,
    or held back by unanswered ones; the rest is what the generator failed to send. `cpu_share` is of one core, of the
    busiest generator process; `steal` is of the machine's CPU time, and so is `foreign`, what programs outside of the run
    and its cluster used; `pressure` is PSI's `cpu some`. `missing` is the share of the planned load whose generator was lost.
    """

    loop_lag: Histogram = field(default_factory=Histogram.empty)
    scheduled: int = 0
    punctual: int = 0
    cpu_share: float | None = None
    steal: float | None = None
    foreign: float | None = None
    pressure: float | None = None
    missing: float = 0.0


@dataclass(frozen=True)
class BurstSample:
    """One burst; `started` in seconds since the epoch, `seconds` is how long requests were sent.

    `send_lag` (sent - intended, whatever the cause) is of every request that was sent.
    """

    started: float
    seconds: float
    series: tuple[Series, ...]
    send_lag: Histogram = field(default_factory=Histogram.empty)
    health: Health = field(default_factory=Health)

    def matching(self, tags: Mapping[str, str]) -> tuple[Series, ...]:
        """The series that have all of `tags`."""
        return tuple(series for series in self.series if series.carries(tags))
