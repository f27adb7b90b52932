"""Input of judging: the figures of one burst, independent of the engine that sent it. Times are whole microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kindgate.histogram import Histogram


@dataclass(frozen=True)
class Series:
    """The requests of one burst with the same tags (`host`, `route`, `arm`, `method`).

    `scheduled` counts all of them, sent or not. `response` (done - intended) covers successful requests, `failed_response`
    those that were sent but failed; `waiting` (first byte - sent) and `service` (done - sent) cover all that got a response.
    `failed` counts failures by kind, including requests never sent, and `redirects` counts responses with a status of 300
    to 399.
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
        """Requests never sent, for any reason."""
        return self.scheduled - self.sent

    def has_tags(self, tags: Mapping[str, str]) -> bool:
        """Whether these requests have all of `tags`."""
        return all(self.tags.get(key) == value for key, value in tags.items())


@dataclass(frozen=True)
class Health:
    """Health of the generator and its machine in a burst; shares are between 0 and 1, unknown ones `None`.

    `loop_lag`: delay of requests although a slot was free. `punctual`: of `scheduled` requests, those sent or held back by
    unanswered ones; the generator failed to send the rest. `cpu_share`: of one core, for the busiest generator process.
    `steal`: of the machine's CPU time; so is `foreign`, for programs outside the run and its cluster. `pressure`: PSI's
    `cpu some`. `missing`: share of the planned load whose generator was lost.
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
    """One burst; `started` in seconds since the epoch, `seconds` is the duration of sending.

    `send_lag` (sent - intended, whatever the cause) covers every sent request.
    """

    started: float
    seconds: float
    series: tuple[Series, ...]
    send_lag: Histogram = field(default_factory=Histogram.empty)
    health: Health = field(default_factory=Health)

    def matching(self, tags: Mapping[str, str]) -> tuple[Series, ...]:
        """The series with all of `tags`."""
        return tuple(series for series in self.series if series.has_tags(tags))
