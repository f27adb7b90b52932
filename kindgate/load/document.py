"""The JSON document of one burst, for people and programs outside: `kindgate load --json`.

Its schema is docs/load-result.schema.json. It is not what bursts are stored as (`BurstResult.to_json`): figures are
ready to read here, in the units that their names say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter


@dataclass(frozen=True)
class Times:
    """Response, service or waiting times in milliseconds; null where no request has one."""

    count: int
    avg: float | None = None
    min: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Lags:
    """Delays of the generator in microseconds; null where nothing was sent."""

    p50: float | None = None
    p99: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class Failed:
    """Failed requests: `network` is connect, DNS, TLS, reset and retried together; `kinds` has every kind that came.

    `retried` requests were answered well only when they were sent again, after their kept connection had been closed.
    """

    total: int
    http: int
    timeout: int
    network: int
    check: int
    unsent: int
    retried: int
    kinds: Mapping[str, int]


@dataclass(frozen=True)
class RouteFigures:
    """One route and arm."""

    route: str
    host: str
    arm: str
    method: str
    count: int
    success_rate: float | None
    failed: Failed
    status: Mapping[str, int]
    response_time_ms: Times
    service_time_ms: Times
    waiting_ms: Times


@dataclass(frozen=True)
class Generator:
    """How the generator and its machine fared; shares are between 0 and 1.

    `other_cpu` are the cores that all other processes used, the server's among them; `foreign` is the share of the machine's CPU time
    that went to programs outside of the run and its cluster, null where they cannot be told apart.
    """

    processes: int
    connections: int
    cpu_share: float
    cpu_seconds: float
    steal: float
    other_cpu: float
    foreign: float | None
    pressure: float | None
    punctual_share: float
    late: int
    missing: float


@dataclass(frozen=True)
class TimelinePoint:
    """100 ms from `start` (seconds): requests per second, percentiles of those intended in it, failures, in flight at its end."""

    start: float
    rate: float
    p50_ms: float | None
    p99_ms: float | None
    failed: int
    in_flight: int


@dataclass(frozen=True)
class ThresholdOutcome:
    """One threshold against this burst's own value; `value` is null where there is no data, which fails."""

    threshold: str
    ok: bool
    value: float | None


@dataclass(frozen=True)
class LoadDocument:
    """One burst. `count` is of all requests whose time came, `dropped` of those never sent.

    `response_time_ms` is from the intended moment and of requests that succeeded; `service_time_ms` is from the moment
    of sending. `histogram` holds the response times in kindgate's encoding and as HdrHistogram V2 (microseconds).
    """

    version: Annotated[Literal[1], Field(description="Grows when the meaning of a field changes")]
    started: float
    ended: float
    seconds: float
    interrupted: bool
    count: int
    sent: int
    completed: int
    dropped: int
    success_rate: float | None
    achieved_rate: float
    failed: Failed
    response_time_ms: Times
    service_time_ms: Times
    waiting_ms: Times
    send_lag_us: Lags
    loop_lag_us: Lags
    cap_wait_us: Lags
    checks_passed: int
    checks_failed: int
    bytes_received: int
    generator: Generator
    routes: tuple[RouteFigures, ...]
    timeline: tuple[TimelinePoint, ...]
    histogram: Mapping[str, str]
    plan: Mapping[str, Any]
    thresholds: tuple[ThresholdOutcome, ...] = ()
    verdict: Literal["PASS", "FAIL", "INVALID"] | None = None
    reasons: tuple[str, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values."""
        encoded: dict[str, Any] = TypeAdapter(LoadDocument).dump_python(self, mode="json")
        return encoded


def schema() -> dict[str, Any]:
    """The JSON schema of the document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(LoadDocument).json_schema(mode="serialization")}


if __name__ == "__main__":
    import json
    import sys

    json.dump(schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
