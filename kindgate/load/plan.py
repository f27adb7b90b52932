"""The plan of a burst: routes, a loop (open or closed) and connection settings. Plain data, validated on creation.

An open loop sends on a schedule regardless of the server; a closed loop has users who each wait for a response before
the next request. Objectives are judged only on open loops: a closed loop slows down with the server and hides it.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from kindgate.credentials import MASK, masked_url
from kindgate.errors import LoadError
from kindgate.load.wire import refuse_method, refuse_undecodable, usable_url, wire_header, wire_host

MAX_REQUESTS = 20_000_000
"""Maximum number of planned requests of one burst: each takes 64 bytes of memory until the burst ends."""

MAX_BLOCK = 10_000
"""Maximum sum of the routes' weights."""


MAX_REDIRECTS = 50
"""Maximum number of redirects followed per request; browsers give up after twenty."""

_FOLLOWED = frozenset({"GET", "HEAD"})

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


def _refuse_invalid_json(text: str) -> None:
    """Raise `LoadError` for a value that is not valid JSON."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        hint = f"put a string in quotes: {json.dumps(text)}"
        raise LoadError(f"a check's value {text!r} is not JSON: {error}", next_step=hint) from error


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise LoadError(f"{name} must be greater than 0, not {value:g}")


@dataclass(frozen=True)
class Check:
    """Requirements on a body: contains `substring`, holds `equals` (as JSON text) at `json_path`, has `size` bytes.

    `json_path` is a dotted path with numbers as array indexes, such as `items.0.name`; without `equals` the path only
    needs to exist. Empty fields are not checked.
    """

    substring: str = ""
    json_path: str = ""
    equals: str | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        """Reject an empty check, and `equals` without a path."""
        if not (self.substring or self.json_path or self.size is not None):
            raise LoadError("a check needs a substring, a JSON path or a size")
        if self.equals is not None and not self.json_path:
            raise LoadError("a check's `equals` requires a JSON path")
        if self.equals is not None:
            _refuse_invalid_json(self.equals)
        refuse_undecodable(self.substring + self.json_path, "the check")


@dataclass(frozen=True)
class Route:
    """One kind of request. `url` has the address to connect to; `host` is sent in the Host header and as TLS server name (SNI).

    `name` labels its figures (default: host, or the URL's host), `arm` is its side of a comparison, and `weight` is its
    number of occurrences in every block of requests.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    url: str
    host: str = ""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    name: str = ""
    arm: str = ""
    weight: int = 1
    check: Check | None = None

    def __post_init__(self) -> None:
        """Reject a route that cannot be sent."""
        usable_url(self.url)
        wire_host(self.host)
        if not 1 <= self.weight <= MAX_BLOCK:
            raise LoadError(f"the weight of {self.label} must be between 1 and {MAX_BLOCK}, not {self.weight}")
        refuse_method(self.method)
        for header, value in self.headers:
            wire_header(header, value)

    @property
    def masked(self) -> Route:
        """The route without the credentials in its URL and headers, safe to print."""
        headers = tuple((name, MASK if name.lower() in _SECRET_HEADERS else value) for name, value in self.headers)
        return replace(self, url=masked_url(self.url), headers=headers)

    @property
    def label(self) -> str:
        """The name shown with its figures."""
        return self.name or self.host or usable_url(self.url).hostname or ""


@dataclass(frozen=True)
class Stage:
    """A linear ramp of `seconds` from `start_rate` to `end_rate`, in requests per second."""

    seconds: float
    start_rate: float
    end_rate: float

    def __post_init__(self) -> None:
        """Reject negative durations and rates."""
        _positive("a stage's duration", self.seconds)
        for rate in (self.start_rate, self.end_rate):
            if not (math.isfinite(rate) and rate >= 0):
                raise LoadError(f"a rate cannot be {rate:g}")

    @property
    def requests(self) -> float:
        """Number of requests: the area under the rate."""
        return (self.start_rate + self.end_rate) / 2 * self.seconds


@dataclass(frozen=True)
class OpenLoop:
    """Requests at intended times. `requests` truncates the schedule after that many.

    The number of requests is the area under the rates, with Poisson arrivals too: given their number, the arrivals of a
    Poisson process are independent, so a burst keeps its planned size without losing relevant randomness.
    """

    stages: tuple[Stage, ...]
    arrival: Literal["poisson", "uniform"] = "poisson"
    requests: int | None = None

    def __post_init__(self) -> None:
        """Reject a schedule that is empty or exceeds `MAX_REQUESTS`."""
        if self.count < 1:
            raise LoadError("this rate and duration yield no requests: raise one of them")
        if self.count > MAX_REQUESTS:
            raise LoadError(f"a burst of {self.count:,} requests is too long: the limit is {MAX_REQUESTS:,}")

    @classmethod
    def constant(
        cls,
        rate: float,
        *,
        seconds: float | None = None,
        requests: int | None = None,
        arrival: Literal["poisson", "uniform"] = "poisson",
    ) -> OpenLoop:
        """`rate` requests per second for a number of seconds or requests."""
        _positive("the rate", rate)
        if (seconds is None) == (requests is None):
            raise LoadError("a burst needs either a duration or a number of requests, not both")
        if requests is not None:
            _positive("the number of requests", requests)
            seconds = requests / rate
        elif seconds is not None:
            _positive("the duration", seconds)
        return cls((Stage(seconds or 0.0, rate, rate),), arrival, requests)

    @property
    def count(self) -> int:
        """Number of planned requests."""
        area = round(sum(stage.requests for stage in self.stages))
        return area if self.requests is None else min(area, self.requests)

    @property
    def seconds(self) -> float:
        """Duration of sending in seconds."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def peak_rate(self) -> float:
        """The highest rate, in requests per second."""
        return max(max(stage.start_rate, stage.end_rate) for stage in self.stages)


@dataclass(frozen=True)
class ClosedLoop:
    """`users` who each send the next request after the response to the previous one, until either limit is reached."""

    users: int
    seconds: float | None = None
    requests: int | None = None

    def __post_init__(self) -> None:
        """Reject a loop without users or without an end."""
        _positive("the number of users", self.users)
        if self.seconds is None and self.requests is None:
            raise LoadError("a closed loop needs a duration or a number of requests")
        if self.seconds is not None:
            _positive("the duration", self.seconds)
        if self.requests is not None:
            _positive("the number of requests", self.requests)
            if self.requests < self.users:
                raise LoadError(f"{self.users} users cannot share {self.requests} requests")


@dataclass(frozen=True)
class BurstPlan:
    """A complete description of one burst: the same plan and seed give the same schedule.

    `timeout`: seconds after its intended time at which a request fails. `in_flight`: maximum number of unanswered requests
    (None: derived from the rate and the descriptor limit). `keep_alive` False opens a connection per request.
    `ca_file`: certificate authorities for TLS (empty: the system's). `processes` 0: as many as needed. `redirects`: maximum
    number of redirects followed per request; their time is part of the request, and the last response counts.
    """

    routes: tuple[Route, ...]
    loop: OpenLoop | ClosedLoop
    seed: int = 1
    timeout: float = 10.0
    in_flight: int | None = None
    keep_alive: bool = True
    http_version: Literal["1.1", "2"] = "1.1"
    verify: bool = True
    ca_file: str = ""
    processes: int = 0
    redirects: int = 0

    def __post_init__(self) -> None:
        """Reject a plan that no generator can run."""
        if not self.routes:
            raise LoadError("a burst needs at least one route")
        if sum(route.weight for route in self.routes) > MAX_BLOCK:
            raise LoadError(f"the weights add up to more than {MAX_BLOCK}: divide them by a common factor")
        _positive("the timeout", self.timeout)
        if self.seed < 0:
            raise LoadError(f"the seed must be 0 or more, not {self.seed}")
        if self.in_flight is not None:
            _positive("the in-flight cap", self.in_flight)
        if not 0 <= self.processes <= 64:
            raise LoadError(f"the number of processes must be between 0 (automatic) and 64, not {self.processes}")
        if not 0 <= self.redirects <= MAX_REDIRECTS:
            raise LoadError(f"the number of redirects must be between 0 (follow none) and {MAX_REDIRECTS}, not {self.redirects}")
        unsafe = [route.method for route in self.routes if route.method not in _FOLLOWED]
        if self.redirects and unsafe:
            raise LoadError(
                f"redirects are followed for GET and HEAD, not for {unsafe[0]}: a client may repeat it or turn it into a GET",
                next_step="send it to the address that it is redirected to",
            )

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values, including its credentials."""
        encoded: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return encoded

    @property
    def masked(self) -> BurstPlan:
        """The plan without credentials, safe to print or store."""
        return replace(self, routes=tuple(route.masked for route in self.routes))

    @classmethod
    def from_json(cls, value: object) -> BurstPlan:
        """The plan from `to_json`; raises `LoadError` if it cannot be run."""
        return _adapter().validate_python(value)


@functools.cache
def _adapter() -> TypeAdapter[BurstPlan]:
    """Created on first use: creation takes tens of milliseconds."""
    return TypeAdapter(BurstPlan)
