"""Result of a burst: exact distributions per route, journey and arm, failures by kind, and the health of the generator.

Every request has three timestamps: intended, sent and done.

- response time = done - intended: the wait of a user who clicked at the intended time; objectives are about this.
- service time = done - sent; waiting = first byte - sent.
- scheduling delay (`send_lag`) = sent - intended = generator delay (`loop_lag`) + concurrency-limit wait (`cap_wait`).
  The first (a slot was free but the generator was late) is the generator's fault; the second (every slot was held by
  an unanswered request) is the server's.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from kindgate.errors import LoadError
from kindgate.histogram import Histogram
from kindgate.load.encoded_histogram import EncodedHistogram
from kindgate.load.journey_series import JourneySeries
from kindgate.load.plan import BurstPlan, ClosedLoop
from kindgate.load.program import K6Script
from kindgate.load.workload_usage import WorkloadUsage
from kindgate.model import Window

SLOT_SECONDS = 0.1
"""Length of one slot of the timeline in seconds."""


class FailureKind(enum.StrEnum):
    """Failure reason. `HTTP`: a response with status 400 or above; `CHECK`: a wrong body; `UNSENT`: no slot became free in time.

    `UNANSWERED`: no response yet when the burst was interrupted. `RETRIED`: a good response, but only to the second
    attempt: the first was lost when its kept connection was closed.
    """

    HTTP = "http"
    TIMEOUT = "timeout"
    CONNECT = "connect"
    DNS = "dns"
    TLS = "tls"
    RESET = "reset"
    CHECK = "check"
    UNSENT = "unsent"
    UNANSWERED = "unanswered"
    RETRIED = "retried"


NETWORK_KINDS = frozenset({FailureKind.CONNECT, FailureKind.DNS, FailureKind.TLS, FailureKind.RESET, FailureKind.RETRIED})
"""The kinds that are summed up as network failures."""


_Key = TypeVar("_Key")
_Part = TypeVar("_Part")


def grouped(pairs: Iterable[tuple[_Key, _Part]]) -> dict[_Key, list[_Part]]:
    """The parts of each key."""
    groups: dict[_Key, list[_Part]] = {}
    for key, part in pairs:
        groups.setdefault(key, []).append(part)
    return groups


def _summed(parts: Iterable[Mapping[Any, int]]) -> dict[Any, int]:
    """The sums per key, keys in order."""
    total: dict[Any, int] = {}
    for part in parts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return dict(sorted(total.items()))


SeriesKey = tuple[str, str, str, str, str, tuple[tuple[str, str], ...]]
"""Route, host, arm, method, journey and tags."""


@dataclass(frozen=True)
class Series:
    """One route and arm. Times in microseconds. `journey` is the one whose step the route is; `tags` are the route's own.

    `scheduled` = `sent` + `failed[UNSENT]` (+ requests never sent by the generator's fault); `sent` = `completed` + other
    failures. `response` covers successful requests, `failed_response` sent requests that failed; `waiting` and `service`
    cover all requests that got a response. `redirects_followed` were parts of requests.
    """

    route: str
    host: str
    arm: str
    method: str
    scheduled: int = 0
    sent: int = 0
    completed: int = 0
    response: EncodedHistogram = field(default_factory=Histogram.empty)
    failed_response: EncodedHistogram = field(default_factory=Histogram.empty)
    waiting: EncodedHistogram = field(default_factory=Histogram.empty)
    service: EncodedHistogram = field(default_factory=Histogram.empty)
    failed: Mapping[FailureKind, int] = field(default_factory=dict)
    status: Mapping[int, int] = field(default_factory=dict)
    checks_passed: int = 0
    checks_failed: int = 0
    bytes_received: int = 0
    redirects_followed: int = 0
    journey: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> SeriesKey:
        """Identifies the series."""
        return (self.route, self.host, self.arm, self.method, self.journey, self.tags)

    @property
    def failures(self) -> int:
        """All failed requests of every kind, including those never sent."""
        return sum(self.failed.values())

    @property
    def retried(self) -> int:
        """Requests that succeeded only when sent again; they count as failed."""
        return self.failed.get(FailureKind.RETRIED, 0)

    @property
    def redirects(self) -> int:
        """Final responses with a status of 300 to 399; a redirect that was followed does not count."""
        return sum(count for status, count in self.status.items() if 300 <= status < 400)

    @property
    def mostly_redirects(self) -> bool:
        """Whether more than half of the responses were redirects, in which case the figures hardly describe the application."""
        return 2 * self.redirects > sum(self.status.values())

    @classmethod
    def merged(cls, parts: Iterable[Series]) -> Series:
        """The sum of series with the same key."""
        items = list(parts)
        return replace(
            items[0],
            scheduled=sum(part.scheduled for part in items),
            sent=sum(part.sent for part in items),
            completed=sum(part.completed for part in items),
            response=Histogram.merged(part.response for part in items),
            failed_response=Histogram.merged(part.failed_response for part in items),
            waiting=Histogram.merged(part.waiting for part in items),
            service=Histogram.merged(part.service for part in items),
            failed=_summed(part.failed for part in items),
            status=_summed(part.status for part in items),
            checks_passed=sum(part.checks_passed for part in items),
            checks_failed=sum(part.checks_failed for part in items),
            bytes_received=sum(part.bytes_received for part in items),
            redirects_followed=sum(part.redirects_followed for part in items),
        )


@dataclass(frozen=True)
class Slot:
    """One slot of the timeline: `SLOT_SECONDS` from `start`, in seconds after the burst's start.

    `response` covers successful requests intended in the slot; the other figures count requests sent, answered or failed
    in it, and `in_flight` is its value at the end.
    """

    start: float
    sent: int = 0
    answered: int = 0
    failed: int = 0
    in_flight: int = 0
    response: EncodedHistogram = field(default_factory=Histogram.empty)

    @property
    def rate(self) -> float:
        """Requests sent per second."""
        return self.sent / SLOT_SECONDS

    @classmethod
    def merged(cls, parts: Iterable[Slot]) -> Slot:
        """The sum of slots with the same start."""
        items = list(parts)
        return cls(
            start=items[0].start,
            sent=sum(part.sent for part in items),
            answered=sum(part.answered for part in items),
            failed=sum(part.failed for part in items),
            in_flight=sum(part.in_flight for part in items),
            response=Histogram.merged(part.response for part in items),
        )


@dataclass(frozen=True)
class Health:
    """Health of the generator and its machine. Shares are between 0 and 1.

    `cpu_share`: of one core, for the busiest process. `steal`: of the machine's CPU time. `other_cpu`: CPU time of all other
    processes in cores, including the server. `foreign`: share of the machine's CPU time used by programs outside the run and
    its cluster (None: they cannot be told apart). `pressure`: PSI's `cpu some` (None: not provided by the kernel).
    """

    processes: int = 1
    cpu_share: float = 0.0
    cpu_seconds: float = 0.0
    steal: float = 0.0
    other_cpu: float = 0.0
    foreign: float | None = None
    pressure: float | None = None

    @classmethod
    def merged(cls, parts: Iterable[Health]) -> Health:
        """The sum of the processes and their CPU seconds, and the worst of all other values."""
        items = list(parts)
        foreign = [part.foreign for part in items if part.foreign is not None]
        pressures = [part.pressure for part in items if part.pressure is not None]
        return cls(
            processes=sum(part.processes for part in items),
            cpu_share=max(part.cpu_share for part in items),
            cpu_seconds=sum(part.cpu_seconds for part in items),
            steal=max(part.steal for part in items),
            other_cpu=max(part.other_cpu for part in items),
            foreign=max(foreign, default=None),
            pressure=max(pressures, default=None),
        )


@dataclass(frozen=True)
class BurstResult:
    """One burst. `window` spans sending and responses; `seconds` is the duration of sending.

    `loop_lag` and `cap_wait` cover every sent request. `late` counts requests that were never sent although a slot was free,
    because the generator was too far behind. `missing` is the share of the planned load whose generator was lost (0 to 1).
    `connections` is the number of connections opened. `usage` is what the application's pods used meanwhile, empty if unknown.
    """

    plan: BurstPlan
    window: Window
    seconds: float
    series: tuple[Series, ...]
    loop_lag: EncodedHistogram = field(default_factory=Histogram.empty)
    cap_wait: EncodedHistogram = field(default_factory=Histogram.empty)
    send_lag: EncodedHistogram = field(default_factory=Histogram.empty)
    timeline: tuple[Slot, ...] = ()
    health: Health = field(default_factory=Health)
    late: int = 0
    missing: float = 0.0
    connections: int = 0
    interrupted: bool = False
    usage: tuple[WorkloadUsage, ...] = ()
    journeys: tuple[JourneySeries, ...] = ()

    @property
    def total(self) -> Series:
        """All series as one, named `all`."""
        return replace(Series.merged(self.series), route="all", host="", arm="", method="", journey="", tags=())

    @property
    def scheduled(self) -> int:
        """Requests that came due during the burst."""
        return sum(series.scheduled for series in self.series)

    @property
    def sent(self) -> int:
        """Requests sent."""
        return sum(series.sent for series in self.series)

    @property
    def dropped(self) -> int:
        """Requests never sent, for any reason."""
        return self.scheduled - self.sent

    @property
    def punctual_share(self) -> float:
        """(sent or held by the cap) / scheduled: below 1 only by the generator's fault; 0 if nothing was scheduled."""
        return (self.scheduled - self.late) / self.scheduled if self.scheduled else 0.0

    @property
    def achieved_rate(self) -> float:
        """Requests sent per second of sending."""
        return self.sent / self.seconds if self.seconds > 0 else 0.0

    @property
    def closed_loop(self) -> str:
        """The reason why the load waited for responses, as in `50 users`; empty for an open loop.

        k6's iterations that are not started in time, or not finished, have no times that could count.
        """
        loop, program = self.plan.loop, self.plan.program
        if isinstance(program, K6Script) and program.open_loop:
            dropped = sum(journey.scheduled - journey.started for journey in self.journeys)
            interrupted = sum(journey.failed for journey in self.journeys)
            return f"iterations that k6 did not run to their end: {dropped + interrupted:,}" if dropped + interrupted else ""
        return f"{loop.users} user{'' if loop.users == 1 else 's'}" if isinstance(loop, ClosedLoop) else ""

    @property
    def failed(self) -> dict[FailureKind, int]:
        """Failures by kind, over all series."""
        return _summed(series.failed for series in self.series)

    @classmethod
    def merged(cls, parts: Iterable[BurstResult]) -> BurstResult:
        """Merge the parts of one burst from several generators; counts add up exactly, in any order."""
        items = list(parts)
        by_key = grouped((series.key, series) for part in items for series in part.series)
        by_slot = grouped((slot.start, slot) for part in items for slot in part.timeline)
        journeys = grouped((journey.key, journey) for part in items for journey in part.journeys)
        return cls(
            plan=items[0].plan,
            window=Window(min(part.window.start for part in items), max(part.window.end for part in items)),
            seconds=max(part.seconds for part in items),
            series=tuple(Series.merged(by_key[key]) for key in sorted(by_key)),
            loop_lag=Histogram.merged(part.loop_lag for part in items),
            cap_wait=Histogram.merged(part.cap_wait for part in items),
            send_lag=Histogram.merged(part.send_lag for part in items),
            timeline=tuple(Slot.merged(by_slot[start]) for start in sorted(by_slot)),
            health=Health.merged(part.health for part in items),
            late=sum(part.late for part in items),
            missing=max(part.missing for part in items),
            connections=sum(part.connections for part in items),
            interrupted=any(part.interrupted for part in items),
            usage=next((part.usage for part in items if part.usage), ()),
            journeys=tuple(JourneySeries.merged(journeys[key]) for key in sorted(journeys)),
        )

    def to_json(self) -> dict[str, Any]:
        """The whole result as JSON values, without the plan's credentials; a histogram of a million samples takes about 15 kB."""
        encoded: dict[str, Any] = _adapter().dump_python(replace(self, plan=self.plan.masked), mode="json")
        return encoded

    @classmethod
    def from_json(cls, value: object) -> BurstResult:
        """The result from `to_json`; raises `LoadError` for anything else."""
        try:
            return _adapter().validate_python(value)
        except ValidationError as error:
            raise LoadError(f"not a burst result: {error}") from error


@functools.cache
def _adapter() -> TypeAdapter[BurstResult]:
    """Created on first use: creation takes tens of milliseconds."""
    return TypeAdapter(BurstResult)
