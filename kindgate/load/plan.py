"""The plan of a burst: routes, journeys, a loop (open or closed) and connection settings. Plain data, validated on creation.

An open loop sends on a schedule regardless of the server; a closed loop has users who each wait for a response before
the next request. Objectives are judged only on open loops: a closed loop slows down with the server and hides it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from kindgate.credentials import MASK, masked_url
from kindgate.errors import LoadError
from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.journey import Journey
from kindgate.load.program import Program
from kindgate.load.template import Template, Value
from kindgate.load.value_names import refuse_unusable_values
from kindgate.load.variables import RUN, Variable, masked_variable
from kindgate.load.wire import refuse_method, usable_url, wire_header, wire_host, wire_path

MAX_REQUESTS = 20_000_000
"""Maximum number of planned requests of one burst: each takes 64 bytes of memory until the burst ends."""

MAX_BLOCK = 10_000
"""Maximum sum of the weights of routes and journeys."""

MAX_REDIRECTS = 50
"""Maximum number of redirects followed per request; browsers give up after twenty."""

FOLLOWED = frozenset({"GET", "HEAD"})
"""Methods whose redirects are followed."""

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise LoadError(f"{name} must be greater than 0, not {value:g}")


@dataclass(frozen=True)
class Route:
    """One kind of request. `url` has the address to connect to; `host` is sent in the Host header and as TLS server name (SNI).

    `name` labels its figures (default: host, or the URL's host), `arm` is its side of a comparison, and `weight` is its
    number of occurrences in every block of the schedule; a route of weight 0 is sent only by journeys. `path` (with query)
    replaces that of the URL, and templates are filled in for each request. `timeout` in seconds replaces that of the plan.
    `journey` is the journey whose step the route is; it and `tags` label the figures. `stream` is as in `OpenLoop.streams`.
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
    path: Template | None = None
    header_templates: tuple[tuple[str, Template], ...] = ()
    body_template: Template | None = None
    expect: Expectation | None = None
    extract: tuple[Extraction, ...] = ()
    timeout: float | None = None
    tags: tuple[tuple[str, str], ...] = ()
    journey: str = ""
    stream: str = ""

    def __post_init__(self) -> None:
        """Reject a route that cannot be sent."""
        usable_url(self.url)
        wire_host(self.host)
        if not 0 <= self.weight <= MAX_BLOCK:
            raise LoadError(f"the weight of {self.label} must be between 0 and {MAX_BLOCK}, not {self.weight}")
        refuse_method(self.method)
        for header, value in self.headers:
            wire_header(header, value)
        for header, template in self.header_templates:
            for literal in template.literals or ("",):
                wire_header(header, literal)
        if self.path is not None:
            wire_path(self.path)
        if self.body and self.body_template:
            raise LoadError(f"{self.label} has two bodies: remove one of them")
        if self.timeout is not None:
            _positive(f"the timeout of {self.label}", self.timeout)

    @property
    def names(self) -> frozenset[str]:
        """The names of the values that a request needs."""
        templates = (template for template in (self.path, self.body_template) if template)
        return self.header_names.union(*(template.names for template in templates))

    @property
    def header_names(self) -> frozenset[str]:
        """The names of the values that are sent in headers."""
        return frozenset[str]().union(*(template.names for _, template in self.header_templates))

    @property
    def extracted(self) -> frozenset[str]:
        """The names of the values that its response provides."""
        return frozenset(extraction.name for extraction in self.extract)

    @property
    def masked(self) -> Route:
        """The route without the credentials in its URL and headers, safe to print."""
        headers = tuple((name, MASK if name.lower() in _SECRET_HEADERS else value) for name, value in self.headers)
        templates = tuple(
            (name, Template((MASK,)) if name.lower() in _SECRET_HEADERS else template) for name, template in self.header_templates
        )
        return replace(self, url=masked_url(self.url), headers=headers, header_templates=templates)

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
    Poisson process are independent, so a burst keeps its planned size without losing relevant randomness. Routes and journeys
    of a stream, by its name in `streams`, arrive by a process of their own; all others together follow `arrival`.
    """

    stages: tuple[Stage, ...]
    arrival: Literal["poisson", "uniform"] = "poisson"
    requests: int | None = None
    streams: tuple[tuple[str, Literal["poisson", "uniform"]], ...] = ()

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
    """A complete description of one burst: the same plan and seed send the same requests.

    `timeout`: seconds after its intended time at which a request fails. `in_flight`: maximum number of unanswered requests
    (None: derived from the rate and the descriptor limit). `keep_alive` False opens a connection per request.
    `ca_file`: certificate authorities for TLS (empty: the system's). `processes` 0: as many as needed. `redirects`: maximum
    number of redirects followed per GET or HEAD; their time is part of the request, and the last response counts.

    Templates are filled with `variables`, with each arm's `setup_values`, and with `salt` under the name `run`. With
    journeys, the loop's rates are those of single requests and of journeys together.

    With a `program`, that program sends the requests: the only route is the address and the host that it sends them to.
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
    variables: tuple[Variable, ...] = ()
    setup_values: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...] = ()
    salt: str = ""
    journeys: tuple[Journey, ...] = ()
    program: Program | None = None

    def __post_init__(self) -> None:
        """Reject a plan that no generator can run."""
        if not self.routes:
            raise LoadError("a burst needs at least one route")
        weight = sum(self.weights)
        if not weight:
            raise LoadError("nothing has a weight above 0, so there is nothing to send")
        if weight > MAX_BLOCK:
            raise LoadError(f"the weights add up to more than {MAX_BLOCK}: divide them by a common factor")
        _positive("the timeout", self.timeout)
        if self.seed < 0:
            raise LoadError(f"the seed must be 0 or more, not {self.seed}")
        if self.in_flight is not None:
            _positive("the in-flight cap", self.in_flight)
        if not 0 <= self.processes <= 64:
            raise LoadError(f"the number of processes must be between 0 (automatic) and 64, not {self.processes}")
        self._refuse_redirects()
        self._refuse_journeys()
        refuse_unusable_values(self.routes, self.journeys, self.variables, self.setup_values)

    @property
    def weights(self) -> tuple[int, ...]:
        """The weight of every route, then of every journey: the entries of the schedule."""
        return (*(route.weight for route in self.routes), *(journey.weight for journey in self.journeys))

    @property
    def varies(self) -> bool:
        """Whether requests of one route differ, or follow each other."""
        return bool(self.journeys) or any(route.names for route in self.routes)

    def arm_values(self, arm: str) -> dict[str, Value]:
        """The values that are the same for all requests of an arm: the salt and those of its setup."""
        return {RUN: self.salt, **dict(dict(self.setup_values).get(arm, ()))}

    def _refuse_redirects(self) -> None:
        if not 0 <= self.redirects <= MAX_REDIRECTS:
            raise LoadError(f"the number of redirects must be between 0 (follow none) and {MAX_REDIRECTS}, not {self.redirects}")
        methods = [route.method for route in self.routes]
        if self.redirects and FOLLOWED.isdisjoint(methods):
            raise LoadError(
                f"redirects are followed for GET and HEAD, not for {methods[0]}: a client may repeat it or turn it into a GET",
                next_step="send it to the address that it is redirected to",
            )

    def _refuse_journeys(self) -> None:
        if self.varies and isinstance(self.loop, ClosedLoop):
            raise LoadError("a closed loop has users of its own: use an open loop for journeys and for requests with placeholders")
        names = [(journey.name, journey.arm) for journey in self.journeys]
        for journey in self.journeys:
            if names.count((journey.name, journey.arm)) > 1:
                raise LoadError(f"two journeys are named {journey.name}")
            for step in journey.steps:
                if not 0 <= step.route < len(self.routes):
                    raise LoadError(f"a step of {journey.name} is route {step.route}, but there are {len(self.routes)} routes")
                route = self.routes[step.route]
                if (route.journey, route.arm, route.weight) != (journey.name, journey.arm, 0):
                    raise LoadError(
                        f"a step of the journey {journey.name} must be a route of that journey and arm, with weight 0",
                        last_state=f"{route.label}: journey {route.journey!r}, arm {route.arm!r}, weight {route.weight}",
                    )

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values, including its credentials."""
        encoded: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return encoded

    @property
    def masked(self) -> BurstPlan:
        """The plan without credentials, secrets, rows of files and values of the setup, safe to print or store."""
        setup: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...] = tuple(
            (arm, tuple((name, MASK) for name, _ in values)) for arm, values in self.setup_values
        )
        variables = tuple(masked_variable(variable) for variable in self.variables)
        return replace(self, routes=tuple(route.masked for route in self.routes), variables=variables, setup_values=setup)

    @classmethod
    def from_json(cls, value: object) -> BurstPlan:
        """The plan from `to_json`; raises `LoadError` if it cannot be run."""
        return _adapter().validate_python(value)


@functools.cache
def _adapter() -> TypeAdapter[BurstPlan]:
    """Created on first use: creation takes tens of milliseconds."""
    return TypeAdapter(BurstPlan)
