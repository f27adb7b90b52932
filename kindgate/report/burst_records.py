"""A report's record of one burst of load. Times are in milliseconds, send lag in microseconds."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from kindgate.report.frozen_record import Amount, Count, Epoch, Line, Milliseconds, Name, Record, Seconds, Share

POINTS = 600
"""Maximum points of a series, for a readable chart."""

ROUTES = 100
"""Maximum number of routes, and of journeys, with figures of their own in each burst."""

Counts = Annotated[tuple[Count, ...], Field(max_length=POINTS)]
Times = Annotated[tuple[Milliseconds | None, ...], Field(max_length=POINTS)]


class Plan(Record):
    """The planned load; `rate` in requests and journeys per second over all routes, `timeout` per request."""

    rate: Amount
    seconds: Seconds
    arrival: Name
    seed: Count
    timeout: Seconds
    routes: Annotated[tuple[Name, ...], Field(max_length=ROUTES)]


class LatencyFigures(Record):
    """Response times of the successful requests, and the number of failed ones.

    The times are `None` if no request succeeded. `rate` is the achieved rate in requests per second; `redirects` counts
    answers with a status of 300 to 399, which are not followed.
    """

    count: Count
    failed: Count
    redirects: Count = 0
    success_rate: Share | None
    rate: Amount
    avg: Milliseconds | None
    p50: Milliseconds | None
    p90: Milliseconds | None
    p95: Milliseconds | None
    p99: Milliseconds | None
    max: Milliseconds | None


class RouteFigures(Record):
    """The figures of one route; in a comparison, of one version."""

    route: Name
    figures: LatencyFigures


class JourneySummary(Record):
    """The runs of one journey; in a comparison, of one version.

    `count` came due, `completed` ended, `failed` had a failed step. The times are those of completed runs, from the intended
    start to the end of the last step; `None` without any.
    """

    journey: Name
    count: Count
    completed: Count
    failed: Count
    p50: Milliseconds | None
    p95: Milliseconds | None
    p99: Milliseconds | None
    max: Milliseconds | None


class FailureCount(Record):
    """Number of failures of one kind, as in `kindgate.load.result.FailureKind`; `example` lists HTTP statuses, or explains the kind."""

    kind: Name
    count: Count
    example: Line = ""


class Timeline(Record):
    """The burst in steps of `step` seconds by intended time; all columns have the same length."""

    step: Annotated[float, Field(gt=0, le=10**6)]
    sent: Counts
    failed: Counts
    p50: Times
    p90: Times
    p99: Times
    max: Times

    @model_validator(mode="after")
    def _columns_agree(self) -> Self:
        lengths = {len(column) for column in (self.sent, self.failed, self.p50, self.p90, self.p99, self.max)}
        if len(lengths) > 1:
            raise ValueError("the timeline's columns differ in length")
        return self


class Distribution(Record):
    """Number of requests between `edges[i]` and `edges[i + 1]`, in the unit of the distribution; the edges ascend."""

    edges: Annotated[tuple[Amount, ...], Field(max_length=POINTS + 1)]
    counts: Counts

    @model_validator(mode="after")
    def _edges_enclose(self) -> Self:
        if self.counts and len(self.edges) != len(self.counts) + 1:
            raise ValueError("n bins must have n + 1 edges")
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("the edges of a distribution must ascend")
        return self


class SendLag(Record):
    """Delay of requests after their intended send times, in microseconds."""

    p50: Amount
    p99: Amount
    max: Amount
    distribution: Distribution | None = None


class GeneratorHealth(Record):
    """State of the generator and its machine; the report's `gates` state whether it was good enough.

    `cpu` is a share of one core, `steal` a share of the machine; `foreign` is the share of the machine's CPU time that
    programs outside the run and its cluster used; `pressure` is the kernel's `cpu some` stall share; `cap_wait` is the total
    seconds that requests waited because too many were in flight; `dropped` requests were never sent.
    """

    cpu: Amount | None = None
    steal: Share | None = None
    foreign: Share | None = None
    pressure: Share | None = None
    cap_wait: Seconds = 0.0
    dropped: Count = 0


class Burst(Record):
    """One burst: its plan, its results, and the quality of the measurement."""

    name: Name
    test: Line = ""
    started: Epoch
    seconds: Seconds
    plan: Plan
    overall: LatencyFigures
    routes: Annotated[tuple[RouteFigures, ...], Field(max_length=ROUTES)] = ()
    journeys: Annotated[tuple[JourneySummary, ...], Field(max_length=ROUTES)] = ()
    failures: Annotated[tuple[FailureCount, ...], Field(max_length=20)] = ()
    send_lag: SendLag | None = None
    generator: GeneratorHealth = GeneratorHealth()
    timeline: Timeline | None = None
    distribution: Distribution | None = None
    """Response times of successful requests, in milliseconds."""
