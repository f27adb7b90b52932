"""A workload as its author wrote it: routes, journeys, data, and the requests before and after the load.

Plain data without positions in any comparison: two workloads are equal if their documents mean the same. Texts keep their
placeholders (`{user.email}`); `document` reads a workload from YAML, `burst_plan` turns it into a burst.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from kindgate.load.expectation import Extraction
from kindgate.load.template import Value
from kindgate.load.variables import Scalar
from kindgate.source_location import Source
from kindgate.yaml_document import Location

Json: TypeAlias = Value
"""A JSON value whose strings may contain placeholders."""

GROUP = "group"
"""k6's tag for a part of a script."""


@dataclass(frozen=True)
class JsonBody:
    """A JSON body; its strings may contain placeholders."""

    value: Json


@dataclass(frozen=True)
class TextBody:
    """A body as it is sent, in UTF-8, with placeholders."""

    text: str


@dataclass(frozen=True)
class FormBody:
    """Fields of an HTML form (`application/x-www-form-urlencoded`); the values may contain placeholders."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FileBody:
    """The bytes of a file, relative to the document's; without placeholders."""

    file: str


RequestBody: TypeAlias = JsonBody | TextBody | FormBody | FileBody


@dataclass(frozen=True)
class ExpectedResponse:
    """Requirements on a response. Without `statuses`, every status below 400 is accepted.

    `statuses` are inclusive ranges: `(200, 200)` for 200, `(200, 299)` for 2xx. `headers` hold a text that the header's value
    contains. `json` holds dotted paths with their values, `exists` paths that only need to exist. `schema` is a JSON Schema,
    inline or the name of a file, checked on the share `sample` of the responses. Sizes are in bytes, both ends included.
    """

    statuses: tuple[tuple[int, int], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    contains: str = ""
    json: tuple[tuple[str, Json], ...] = ()
    exists: tuple[str, ...] = ()
    schema: str | Mapping[str, Json] | None = None
    sample: float | None = None
    size_min: int | None = None
    size_max: int | None = None


@dataclass(frozen=True)
class WorkloadRoute:
    """One kind of request: of the mix, of a journey's step, or of the setup (where `weight` has no meaning).

    `path` includes the query. An empty `host` is the workload's. `weight` 0 keeps a route out of the mix. `timeout` is in
    seconds (None: the run's). `extract` applies where later requests can use the values: in setup and journeys.
    """

    name: str
    path: str
    method: str = "GET"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: RequestBody | None = None
    weight: int = 1
    expect: ExpectedResponse = ExpectedResponse()
    extract: tuple[Extraction, ...] = ()
    timeout: float | None = None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class WorkloadStep:
    """A step of a journey: a route by its name, or a route that exists only here.

    `extract` is in addition to the named route's own. `think` is the pause before the step, in seconds.
    """

    route: str | WorkloadRoute
    extract: tuple[Extraction, ...] = ()
    think: float = 0.0


@dataclass(frozen=True)
class WorkloadJourney:
    """Steps that one visitor takes in order; a failed step ends the journey."""

    name: str
    steps: tuple[WorkloadStep, ...]
    weight: int = 1


@dataclass(frozen=True)
class FileRows:
    """Rows of a CSV file with a header line, or of a JSON file with a list of objects or scalars."""

    name: str
    file: str
    format: Literal["csv", "json"]
    order: Literal["sequential", "random"] = "sequential"


@dataclass(frozen=True)
class RandomUuid:
    """A UUID per request or journey."""

    name: str


@dataclass(frozen=True)
class CountedNumber:
    """Integers from `start` on, each used once in a run."""

    name: str
    start: int = 1


@dataclass(frozen=True)
class RandomNumber:
    """A random integer from `low` to `high`, both included."""

    name: str
    low: int
    high: int


@dataclass(frozen=True)
class RandomChoice:
    """One of `values` at random."""

    name: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class EnvironmentValue:
    """The value of an environment variable; a `secret` one is in no report."""

    name: str
    variable: str
    secret: bool = False


DataSource: TypeAlias = FileRows | RandomUuid | CountedNumber | RandomNumber | RandomChoice | EnvironmentValue


Arrival: TypeAlias = Literal["poisson", "uniform"]
"""How arrivals are distributed in time."""


@dataclass(frozen=True)
class LoadStage:
    """A ramp of `duration` seconds to `target` arrivals per second, from the target of the stage before."""

    duration: float
    target: float


@dataclass(frozen=True)
class LoadShape:
    """How many requests or journeys arrive per second, and when; None and empty: from the settings.

    Either `rate` (per second) for `duration` (seconds), or `stages`, which start at `rate` (None: 0). `streams` are the arrival
    processes of routes, journeys and groups of routes, by name, each independent of all others; the rest follows `arrival`.
    """

    rate: float | None = None
    duration: float | None = None
    stages: tuple[LoadStage, ...] = ()
    arrival: Arrival | None = None
    streams: tuple[tuple[str, Arrival], ...] = ()

    def stream_of(self, name: str, group: str = "") -> str:
        """The stream of a route or journey: its own, or that of its group; empty for neither."""
        names = {stream for stream, _ in self.streams}
        return name if name in names else group if group in names else ""


@dataclass(frozen=True)
class LocustLoad:
    """The users of a locustfile, instead of routes and journeys. They start at `spawn_rate` per second (None: all at once).

    `workers` is the number of Locust's processes that share them.
    """

    file: str
    users: int
    spawn_rate: float | None = None
    workers: int = 1


@dataclass(frozen=True)
class K6Load:
    """A k6 script, instead of routes and journeys; it has a load of its own."""

    file: str


@dataclass(frozen=True)
class Workload:
    """Everything under `workload:`.

    `mix` holds weights by the name of a route or journey, and replaces their own; what it does not name is not in the mix.
    `redirects` is the maximum number followed per request. `folder` is what files are relative to; `sources` holds the
    position of every value that was read from a document.
    """

    routes: tuple[WorkloadRoute, ...] = ()
    journeys: tuple[WorkloadJourney, ...] = ()
    mix: tuple[tuple[str, int], ...] = ()
    data: tuple[DataSource, ...] = ()
    setup: tuple[WorkloadRoute, ...] = ()
    teardown: tuple[WorkloadRoute, ...] = ()
    load: LoadShape = LoadShape()
    host: str = ""
    http: Literal["1.1", "2"] = "1.1"
    redirects: int = 0
    locust: LocustLoad | None = None
    k6: K6Load | None = None
    folder: Path = field(default=Path(), compare=False)
    sources: Mapping[Location, Source] = field(default_factory=dict, compare=False, repr=False)

    @property
    def weights(self) -> tuple[tuple[str, int], ...]:
        """The weight of every route and journey in what is sent, by name: that of the mix, or else its own."""
        mix = dict(self.mix)
        own = (*((route.name, route.weight) for route in self.routes), *((journey.name, journey.weight) for journey in self.journeys))
        return tuple((name, mix.get(name, 0) if mix else weight) for name, weight in own)

    @property
    def program(self) -> Literal["", "locust", "k6"]:
        """The key of the program that sends the load instead of routes and journeys; empty without one."""
        return "locust" if self.locust is not None else "k6" if self.k6 is not None else ""

    def source(self, *location: str | int) -> Source:
        """The position of a value in its document; without a document, the location itself."""
        return self.sources.get(location, Source(".".join(map(str, location))))
