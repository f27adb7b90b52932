"""An episode as the judge sees it: load before, during and after an action, its requests attributed to phases.

A request belongs to the phase of its intended time. It is lost if it got no answer, a failed one, or was sent twice.
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kindgate.slo.load_health import UNKNOWN_HEALTH, LoadHealth

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class Phase(enum.StrEnum):
    """The part of an episode, in order of time."""

    BEFORE = "before"
    """Load, and nothing else."""

    DURING = "during"
    """From the beginning of the action to its end: a rollout has completed, a fault was lifted."""

    RECOVERY = "recovery"
    """From the end of the action until the steady state is back."""

    AFTER = "after"
    """The steady state again."""


@dataclass(frozen=True)
class Marks:
    """The times that divide an episode, in seconds since its first intended time.

    `recovered` is None if the steady state did not return before the load ended.
    """

    began: float
    ended: float
    recovered: float | None
    finished: float


@dataclass(frozen=True)
class Requests:
    """Counts of requests: every scheduled one is answered or lost, and a lost one is of exactly one kind."""

    scheduled: int = 0
    failed: int = 0
    """Answered with a failure status or a wrong body."""

    unanswered: int = 0
    """Refused, reset, timed out, or without an answer when the episode ended."""

    sent_twice: int = 0
    """Answered, but repeated by the client or on the path."""

    @property
    def lost(self) -> int:
        """Number of lost requests."""
        return self.failed + self.unanswered + self.sent_twice

    @property
    def answered(self) -> int:
        """Number of requests with a correct answer."""
        return self.scheduled - self.lost


@dataclass(frozen=True)
class PhaseFigures:
    """Requests of one phase; `p95` of the response time in milliseconds, None without answers."""

    phase: Phase
    seconds: float
    requests: Requests
    p95: float | None


@dataclass(frozen=True)
class RouteFigures:
    """Requests of one route in the whole episode.

    `outage` is its longest time in seconds from the first to the last of neighboring lost requests, at least the average
    interval between two requests; 0 without losses.
    """

    route: str
    requests: Requests
    outage: float


@dataclass(frozen=True)
class EpisodeSlot:
    """One second of an episode, from `start`: its requests by intended time, and the p95 of their response times in milliseconds."""

    start: float
    requests: Requests
    p95: float | None


@dataclass(frozen=True)
class EpisodeEvent:
    """Something that happened at `at` seconds: `source` is "action", "kubernetes" or "replicas"."""

    at: float
    source: str
    text: str


@dataclass(frozen=True)
class ReplicaCount:
    """Ready pods of a workload from `at` seconds on."""

    at: float
    workload: str
    ready: int


@dataclass(frozen=True)
class Episode:
    """One episode: `scenario` is its marker's name (`rollout`), `action` what was done (`restart`), `targets` to which workloads.

    `started` is in seconds since the epoch. `first_success` and `recovery` are in milliseconds: from a route's first lost
    request to its next correct answer (of the route that took longest; 0 without losses), and from the end of the action
    until p95 is back (None: it did not return).

    `foreign` is the share of the machine's CPU time that other programs had, None if it is unknown. The load is not
    `complete` if it was interrupted or a generator died. Requests that were cut off then are not counted, and neither are those
    that the generator could not send, which show in `health`. `error` is why the action did not do what it was to do, or why
    the load ended early; empty if neither is so.
    """

    scenario: str
    action: str
    targets: tuple[str, ...]
    started: float
    marks: Marks
    phases: tuple[PhaseFigures, ...]
    routes: tuple[RouteFigures, ...]
    slots: tuple[EpisodeSlot, ...]
    first_success: float
    recovery: float | None
    foreign: float | None = None
    complete: bool = True
    events: tuple[EpisodeEvent, ...] = ()
    replicas: tuple[ReplicaCount, ...] = ()
    error: str = ""
    undone: str = ""
    """What is still not as it was before the action, in spite of its undo; empty if everything is."""

    health: LoadHealth = UNKNOWN_HEALTH

    @property
    def requests(self) -> Requests:
        """The requests of all phases."""
        counts = [phase.requests for phase in self.phases]
        return Requests(
            sum(count.scheduled for count in counts),
            sum(count.failed for count in counts),
            sum(count.unanswered for count in counts),
            sum(count.sent_twice for count in counts),
        )

    @property
    def outage(self) -> float:
        """The longest outage of any route, in seconds."""
        return max((route.outage for route in self.routes), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """The episode as JSON values."""
        encoded: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return encoded

    @classmethod
    def from_json(cls, value: object) -> Episode:
        """The episode from `to_json`; raises `pydantic.ValidationError` for anything else."""
        return _adapter().validate_python(value)


@functools.cache
def _adapter() -> TypeAdapter[Episode]:
    """Created on first use: creation takes tens of milliseconds, and so does the import."""
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(Episode)
