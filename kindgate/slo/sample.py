"""Input of judging: the figures of one burst, independent of the engine that sent it. Times are whole microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kindgate.histogram import Histogram

TAGS_LIMIT = 16
SERIES_LIMIT = 500
"""Maximum number of tags of a series, and of series and journeys in a burst: a report keeps no more."""


@dataclass(frozen=True)
class Series:
    """The requests of one burst with the same tags: `host`, `route`, `arm`, `method`, `journey`, `group`, and the user's own.

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
        return tags.items() <= self.tags.items()


@dataclass(frozen=True)
class JourneySeries:
    """The runs of one journey in one burst; the tag `journey` names it, and the requests of its steps carry it too.

    `scheduled` counts all of them, `started` those whose first step was sent. `duration` (end of the last step - intended
    start) covers the `completed` ones. A failed or unsent step fails its run.
    """

    tags: Mapping[str, str]
    scheduled: int
    started: int
    completed: int
    failed: int
    duration: Histogram = field(default_factory=Histogram.empty)

    def has_tags(self, tags: Mapping[str, str]) -> bool:
        """Whether these runs have all of `tags`."""
        return tags.items() <= self.tags.items()


@dataclass(frozen=True)
class WorkloadUsage:
    """Resources that one workload of the application used in one burst; tags `workload` and, in a comparison, `arm`.

    `cpu_seconds` from its start to its end; `memory` is the mean working set in bytes, None if it could not be read.
    """

    tags: Mapping[str, str]
    cpu_seconds: float
    memory: float | None

    def has_tags(self, tags: Mapping[str, str]) -> bool:
        """Whether this usage has all of `tags`."""
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

    `send_lag` (sent - intended, whatever the cause) covers every sent request. `usage` is empty if it is not known.
    `closed_loop` describes a load that waited for responses, as in `50 users`; empty for an open loop.
    """

    started: float
    seconds: float
    series: tuple[Series, ...]
    send_lag: Histogram = field(default_factory=Histogram.empty)
    health: Health = field(default_factory=Health)
    journeys: tuple[JourneySeries, ...] = ()
    usage: tuple[WorkloadUsage, ...] = ()
    closed_loop: str = ""

    def matching(self, tags: Mapping[str, str]) -> tuple[Series, ...]:
        """The series with all of `tags`."""
        return tuple(series for series in self.series if series.has_tags(tags))

    def journeys_matching(self, tags: Mapping[str, str]) -> tuple[JourneySeries, ...]:
        """The journeys with all of `tags`."""
        return tuple(journey for journey in self.journeys if journey.has_tags(tags))

    def steps_of(self, journey: JourneySeries) -> tuple[Series, ...]:
        """The requests of a journey's steps, in the journey's arm of a comparison."""
        return self.matching({key: value for key, value in journey.tags.items() if key in {"journey", "arm"}})
