"""A report's record of one episode, and the check that its figures add up. Times are in seconds since the first request was due."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, model_validator

from kindgate.report.frozen_record import (
    LINE_LIMIT,
    NAME_LIMIT,
    Count,
    Epoch,
    Figure,
    Line,
    Milliseconds,
    Name,
    Record,
    Seconds,
)
from kindgate.report.markdown_escape import shortened
from kindgate.slo.episode import (
    Episode,
    EpisodeEvent,
    EpisodeSlot,
    Marks,
    Phase,
    PhaseFigures,
    ReplicaCount,
    Requests,
    RouteFigures,
)
from kindgate.slo.episode_figures import total
from kindgate.slo.load_health import LoadHealth
from kindgate.slo.sample import SERIES_LIMIT

EPISODES_LIMIT = 60
SECONDS_LIMIT = 1800
EVENTS_LIMIT = 300
REPLICAS_LIMIT = 500
TARGETS_LIMIT = 100
"""Maximum number of episodes in a report; of seconds, events and changes of replicas on a timeline; and of an action's targets."""

ActionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
"""The name of a scenario or of an action: safe to show outside of code."""


class RequestCounts(Record):
    """Counts of requests; see `kindgate.slo.episode.Requests`."""

    scheduled: Count
    failed: Count = 0
    unanswered: Count = 0
    sent_twice: Count = 0

    @property
    def lost(self) -> int:
        """Number of lost requests."""
        return self.failed + self.unanswered + self.sent_twice

    def requests(self) -> Requests:
        """Convert to the judge's own type."""
        return Requests(self.scheduled, self.failed, self.unanswered, self.sent_twice)


class PhaseRow(Record):
    """One phase of an episode; `p95` in milliseconds, None without answers."""

    phase: Phase = Field(strict=False)
    seconds: Seconds
    requests: RequestCounts
    p95: Milliseconds | None


class RouteRow(Record):
    """One route in an episode; `outage` is its longest time in seconds between neighboring lost requests."""

    route: Name
    requests: RequestCounts
    outage: Seconds


class EpisodeTimeline(Record):
    """The requests of each second, by intended time, as columns; `p95` in milliseconds."""

    start: Annotated[tuple[Seconds, ...], Field(max_length=SECONDS_LIMIT)] = ()
    scheduled: Annotated[tuple[Count, ...], Field(max_length=SECONDS_LIMIT)] = ()
    failed: Annotated[tuple[Count, ...], Field(max_length=SECONDS_LIMIT)] = ()
    unanswered: Annotated[tuple[Count, ...], Field(max_length=SECONDS_LIMIT)] = ()
    sent_twice: Annotated[tuple[Count, ...], Field(max_length=SECONDS_LIMIT)] = ()
    p95: Annotated[tuple[Milliseconds | None, ...], Field(max_length=SECONDS_LIMIT)] = ()

    @model_validator(mode="after")
    def _columns_agree(self) -> Self:
        columns = (self.scheduled, self.failed, self.unanswered, self.sent_twice, self.p95)
        if any(len(column) != len(self.start) for column in columns):
            raise ValueError("the columns of an episode's timeline differ in length")
        if any(later <= earlier for earlier, later in zip(self.start, self.start[1:], strict=False)):
            raise ValueError("the seconds of an episode's timeline are not in order")
        return self

    @property
    def lost(self) -> tuple[int, ...]:
        """Number of lost requests of each second."""
        return tuple(map(sum, zip(self.failed, self.unanswered, self.sent_twice, strict=True)))

    def slots(self) -> tuple[EpisodeSlot, ...]:
        """Convert to the judge's own type."""
        rows = zip(self.start, self.scheduled, self.failed, self.unanswered, self.sent_twice, self.p95, strict=True)
        return tuple(EpisodeSlot(start, Requests(*counts), p95) for start, *counts, p95 in rows)


class EventRow(Record):
    """Something that happened at `at`: in Kubernetes, by the action, to the replicas."""

    at: Figure
    source: Name
    text: Line


class ReplicaRow(Record):
    """Ready pods of a workload from `at` on."""

    at: Figure
    workload: Name
    ready: Count


class LoadHealthRow(Record):
    """Health of the generator and its machine; see `kindgate.slo.load_health.LoadHealth`."""

    lag: Figure | None = None
    punctual: Figure | None = None
    cpu_share: Figure | None = None
    steal: Figure | None = None
    missing: Figure = 0.0


class EpisodeRecord(Record):
    """One episode; see `kindgate.slo.episode.Episode`."""

    scenario: ActionName
    action: ActionName
    targets: Annotated[tuple[Name, ...], Field(max_length=TARGETS_LIMIT)] = ()
    started: Epoch
    began: Seconds
    ended: Seconds
    recovered: Seconds | None
    finished: Seconds
    phases: Annotated[tuple[PhaseRow, ...], Field(max_length=len(Phase))]
    routes: Annotated[tuple[RouteRow, ...], Field(max_length=SERIES_LIMIT)]
    timeline: EpisodeTimeline = EpisodeTimeline()
    first_success: Milliseconds
    recovery: Milliseconds | None
    foreign: Figure | None = None
    health: LoadHealthRow = LoadHealthRow()
    complete: bool = True
    events: Annotated[tuple[EventRow, ...], Field(max_length=EVENTS_LIMIT)] = ()
    replicas: Annotated[tuple[ReplicaRow, ...], Field(max_length=REPLICAS_LIMIT)] = ()
    error: Line = ""
    undone: Line = ""

    @property
    def name(self) -> str:
        """Scenario and action: `rollout restart`."""
        return f"{self.scenario} {self.action}"

    @property
    def requests(self) -> Requests:
        """The requests of the whole episode."""
        return total(phase.requests.requests() for phase in self.phases)

    @property
    def longest_outage(self) -> RouteRow | None:
        """The route with the longest outage; None if none had one."""
        longest = max(self.routes, key=lambda route: route.outage, default=None)
        return longest if longest is not None and longest.outage else None

    def episode(self) -> Episode:
        """Convert to the judge's own type."""
        return Episode(
            scenario=self.scenario,
            action=self.action,
            targets=self.targets,
            started=self.started,
            marks=Marks(self.began, self.ended, self.recovered, self.finished),
            phases=tuple(PhaseFigures(row.phase, row.seconds, row.requests.requests(), row.p95) for row in self.phases),
            routes=tuple(RouteFigures(row.route, row.requests.requests(), row.outage) for row in self.routes),
            slots=self.timeline.slots(),
            first_success=self.first_success,
            recovery=self.recovery,
            foreign=self.foreign,
            complete=self.complete,
            events=tuple(EpisodeEvent(row.at, row.source, row.text) for row in self.events),
            replicas=tuple(ReplicaCount(row.at, row.workload, row.ready) for row in self.replicas),
            error=self.error,
            undone=self.undone,
            health=LoadHealth(**self.health.model_dump()),
        )

    @property
    def inconsistency(self) -> str:
        """Why no load can have produced these figures; empty if it can.

        Phases, routes and seconds count the same requests, and outages, marks and times agree with what was lost.
        """
        requests, slots = self.requests, self.timeline.slots()
        counts = (*(row.requests for row in self.phases), *(row.requests for row in self.routes))
        places = [list(Phase).index(row.phase) for row in self.phases]
        back = self.ended if self.recovered is None else self.recovered
        problems = {
            "the requests of its routes and of its phases differ": total(row.requests.requests() for row in self.routes) != requests,
            "the requests of its seconds and of its phases differ": bool(slots) and total(slot.requests for slot in slots) != requests,
            "it lost more requests than were due": any(count.lost > count.scheduled for count in counts),
            "its phases are not in order": places != sorted(set(places)),
            "a route has an outage without losses, or losses without an outage": any(
                bool(row.outage) != bool(row.requests.lost) for row in self.routes if row.requests.scheduled > 1
            ),
            "it has a first success after no loss": bool(self.first_success) and not requests.lost,
            "it recovered without a time of recovery": (self.recovery is None) != (self.recovered is None),
            "its times are not in order": not self.began <= self.ended <= back <= self.finished,
        }
        return next((problem for problem, applies in problems.items() if applies), "")


def episode_record(episode: Episode) -> EpisodeRecord:
    """The report's record of an episode, within the report's bounds. Times are rounded to microseconds.

    A timeline with too many seconds is left out, because a part of it would not add up.
    """
    marks = episode.marks
    slots = episode.slots if len(episode.slots) <= SECONDS_LIMIT else ()
    return EpisodeRecord(
        scenario=episode.scenario,
        action=episode.action,
        targets=tuple(shortened(target, NAME_LIMIT) for target in episode.targets[:TARGETS_LIMIT]),
        started=episode.started,
        began=marks.began,
        ended=marks.ended,
        recovered=marks.recovered,
        finished=marks.finished,
        phases=tuple(PhaseRow(phase=one.phase, seconds=one.seconds, requests=_counts(one.requests), p95=one.p95) for one in episode.phases),
        routes=tuple(
            RouteRow(route=shortened(one.route, NAME_LIMIT), requests=_counts(one.requests), outage=one.outage) for one in episode.routes
        ),
        timeline=EpisodeTimeline(
            start=tuple(slot.start for slot in slots),
            scheduled=tuple(slot.requests.scheduled for slot in slots),
            failed=tuple(slot.requests.failed for slot in slots),
            unanswered=tuple(slot.requests.unanswered for slot in slots),
            sent_twice=tuple(slot.requests.sent_twice for slot in slots),
            p95=tuple(slot.p95 for slot in slots),
        ),
        first_success=episode.first_success,
        recovery=episode.recovery,
        foreign=episode.foreign,
        health=LoadHealthRow(
            lag=episode.health.lag,
            punctual=episode.health.punctual,
            cpu_share=episode.health.cpu_share,
            steal=episode.health.steal,
            missing=episode.health.missing,
        ),
        complete=episode.complete,
        events=tuple(_events(episode.events)),
        replicas=tuple(
            ReplicaRow(at=one.at, workload=shortened(one.workload, NAME_LIMIT), ready=one.ready)
            for one in episode.replicas[:REPLICAS_LIMIT]
        ),
        error=shortened(episode.error, LINE_LIMIT),
        undone=shortened(episode.undone, LINE_LIMIT),
    )


def _counts(requests: Requests) -> RequestCounts:
    return RequestCounts(
        scheduled=requests.scheduled, failed=requests.failed, unanswered=requests.unanswered, sent_twice=requests.sent_twice
    )


def _events(events: Iterable[EpisodeEvent]) -> Iterable[EventRow]:
    """The events that a report holds: those of the action, and as many others as fit, in order of time."""
    ordered = sorted(events, key=lambda event: event.at)
    own = [event for event in ordered if event.source == "action"][:EVENTS_LIMIT]
    others = [event for event in ordered if event.source != "action"][: EVENTS_LIMIT - len(own)]
    for event in sorted([*own, *others], key=lambda event: event.at):
        yield EventRow(at=event.at, source=shortened(event.source, NAME_LIMIT), text=shortened(event.text, LINE_LIMIT))
