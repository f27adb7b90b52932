"""The burst that a workload describes: its routes and journeys at the addresses of the application's hosts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kindgate.errors import LoadError, SloError
from kindgate.load.journey import Journey, Step
from kindgate.load.k6_script import InspectedScript, script_plan
from kindgate.load.plan import FOLLOWED, BurstPlan, ClosedLoop, OpenLoop, Route, Stage
from kindgate.load.program import LocustUsers
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.objectives import BurstSizes
from kindgate.source_location import Source
from kindgate.workload.data_files import WorkloadData
from kindgate.workload.document_values import listed
from kindgate.workload.engine_routes import engine_route
from kindgate.workload.model import GROUP, LoadShape, LocustLoad, Workload, WorkloadJourney, WorkloadRoute
from kindgate.workload.names import requests_with_names
from kindgate.yaml_document import Location


@dataclass(frozen=True)
class Endpoint:
    """A host that the application serves, and the URL at which it is reached, without a path; `host` is empty for any host."""

    host: str
    url: str


@dataclass(frozen=True)
class LoadedWorkload:
    """A workload with everything that it takes from other files and from the environment. Plain data, sent to workers.

    `script` is what k6 says about the workload's script.
    """

    workload: Workload
    data: WorkloadData
    script: InspectedScript | None = None


@dataclass(frozen=True)
class PlanSettings:
    """What a workload does not say: the loop, the seed, the timeout in seconds, the file with trusted CAs, the run's salt."""

    loop: OpenLoop
    seed: int = 1
    timeout: float = 10.0
    ca_file: str = ""
    salt: str = ""


def shaped_loop(shape: LoadShape, rate: float, seconds: float, arrival: Literal["poisson", "uniform"]) -> OpenLoop:
    """The open loop of `load:`; `rate`, `seconds` and `arrival` are from the settings, for what it does not say."""
    chosen = shape.arrival or arrival
    if not shape.stages:
        constant = OpenLoop.constant(shape.rate or rate, seconds=shape.duration or seconds, arrival=chosen)
        return replace(constant, streams=shape.streams)
    targets = [shape.rate or 0.0, *(stage.target for stage in shape.stages)]
    stages = tuple(Stage(stage.duration, start, stage.target) for stage, start in zip(shape.stages, targets, strict=False))
    return OpenLoop(stages, chosen, streams=shape.streams)


def workload_sizes(
    workload: Workload, sizes: BurstSizes, *, rate: float, seconds: float, arrival: Literal["poisson", "uniform"]
) -> BurstSizes:
    """The sizes of the bursts that a workload is sent in: those of its `load:`, if it has one, otherwise `sizes`.

    The rate is the average one. Raises `SloError`, pointing at the document, if both set a size, for a size that a program
    does not have, and for users of a locustfile that could not all start within a burst.
    """
    shape = workload.load
    if workload.program and (sizes.rate is not None or (sizes.duration is not None and workload.program == "k6")):
        raise workload.source(workload.program).error(
            f"the pace is that of {workload.program}:, but bursts: sets another one", 0, 1, next_step="leave only count in bursts:"
        )
    if workload.locust is not None:
        _refuse_unstarted(workload, workload.locust, shape.duration or sizes.duration or seconds)
    if shape.rate is None and shape.duration is None and not shape.stages:
        return sizes
    if sizes.rate is not None or sizes.duration is not None:
        raise workload.source("load").error(
            "the size of a burst is set twice, here and in bursts:", next_step="remove rate and duration from one of the two"
        )
    loop = shaped_loop(shape, rate, seconds, arrival)
    return replace(sizes, rate=loop.count / loop.seconds, duration=loop.seconds)


def workload_plan(loaded: LoadedWorkload, endpoints: Sequence[Endpoint], settings: PlanSettings, only: Collection[str] = ()) -> BurstPlan:
    """The burst of a workload; with `only`, of the routes and journeys with these names, whatever their weight.

    Raises `SloError`, pointing at the document, for a host that the application does not serve, and for an unknown name.
    """
    builder = _Builder(loaded, endpoints)
    weights = builder.weights(only)
    if loaded.workload.program:
        return _program_plan(builder.endpoint, loaded, settings)
    routes = [
        replace(builder.route(request, ("routes", index)), weight=weights[request.name], stream=_stream(loaded, request))
        for index, request in enumerate(loaded.workload.routes)
        if weights[request.name]
    ]
    journeys = []
    for index, journey in enumerate(loaded.workload.journeys):
        if weights[journey.name]:
            steps = builder.steps(journey, index)
            first = len(routes)
            thinks = [step.think for step in journey.steps]
            routes += steps
            numbered = tuple(Step(first + number, think) for number, think in enumerate(thinks))
            stream = loaded.workload.load.stream_of(journey.name)
            journeys.append(Journey(journey.name, numbered, weights[journey.name], stream=stream))
    try:
        return BurstPlan(
            routes=tuple(routes),
            loop=settings.loop,
            seed=settings.seed,
            timeout=settings.timeout,
            http_version=loaded.workload.http,
            ca_file=settings.ca_file,
            redirects=loaded.workload.redirects if any(route.method in FOLLOWED for route in routes) else 0,
            variables=loaded.data.variables,
            setup_values=(("", builder.placeholder_values),) if builder.placeholder_values else (),
            salt=settings.salt,
            journeys=tuple(journeys),
        )
    except LoadError as error:
        raise SloError(f"the workload: {error.message}", last_state=error.last_state, next_step=error.next_step) from error


def _refuse_unstarted(workload: Workload, locust: LocustLoad, seconds: float) -> None:
    """Raise `SloError` if some users would start only after the burst."""
    if locust.spawn_rate is not None and locust.users / locust.spawn_rate > seconds:
        raise workload.source("locust", "spawn_rate").error(
            f"{locust.users} users take {locust.users / locust.spawn_rate:g} s to start, which is not within a burst ({seconds:g} s)",
            next_step="raise the spawn rate, or set load: {duration: 30s}",
        )


def _program_plan(endpoint: Endpoint, loaded: LoadedWorkload, settings: PlanSettings) -> BurstPlan:
    """The burst that a program sends to one host of the application."""
    host = loaded.workload.host or endpoint.host
    target = Route(endpoint.url, host, name=host)
    locust = loaded.workload.locust
    if locust is not None:
        users = LocustUsers(str(program_file(loaded.workload)), locust.spawn_rate or float(locust.users), locust.workers)
        plan = BurstPlan((target,), ClosedLoop(locust.users, settings.loop.seconds), program=users)
    elif loaded.script is not None:
        plan = script_plan(loaded.script, target)
    else:
        raise SloError("the workload's script has not been read")
    return replace(plan, seed=settings.seed, timeout=settings.timeout, ca_file=settings.ca_file)


def program_file(workload: Workload) -> Path:
    """The path of a workload's program."""
    program = workload.locust or workload.k6
    return (workload.folder / (program.file if program is not None else "")).absolute()


def duet_of(plan: BurstPlan, hosts: Mapping[str, str]) -> BurstPlan:
    """One schedule with both versions as arms, at the same total rate; `hosts` maps the pull request's hosts to the baseline's.

    Every entry occurs once for each version, with the same data in the same order.
    """
    count = len(plan.routes)
    heads = [replace(route, arm=HEAD) for route in plan.routes]
    bases = [replace(route, arm=BASE, host=hosts.get(route.host, route.host)) for route in plan.routes]
    head_journeys = [replace(journey, arm=HEAD) for journey in plan.journeys]
    base_journeys = [
        replace(journey, arm=BASE, steps=tuple(replace(step, route=step.route + count) for step in journey.steps))
        for journey in plan.journeys
    ]
    values = tuple((arm, pairs) for arm in (HEAD, BASE) for _, pairs in plan.setup_values)
    return replace(plan, routes=(*heads, *bases), journeys=(*head_journeys, *base_journeys), setup_values=values)


def one_arm(duet: BurstPlan, arm: str) -> BurstPlan:
    """The burst of one version alone, at the full rate."""
    kept = [index for index, route in enumerate(duet.routes) if route.arm == arm]
    places = {index: place for place, index in enumerate(kept)}
    journeys = tuple(
        replace(journey, steps=tuple(replace(step, route=places[step.route]) for step in journey.steps))
        for journey in duet.journeys
        if journey.arm == arm
    )
    return replace(duet, routes=tuple(duet.routes[index] for index in kept), journeys=journeys)


def setup_routes(loaded: LoadedWorkload, section: Literal["setup", "teardown"], endpoints: Sequence[Endpoint]) -> tuple[Route, ...]:
    """The requests before or after the load, in order; raises `SloError` for a host that the application does not serve."""
    builder = _Builder(loaded, endpoints)
    requests = loaded.workload.setup if section == "setup" else loaded.workload.teardown
    return tuple(builder.route(request, (section, index)) for index, request in enumerate(requests))


def refuse_unusable(loaded: LoadedWorkload, hosts: Iterable[str]) -> None:
    """Raise `SloError`, pointing at the document, for a workload that an application with these hosts cannot be sent."""
    endpoints = [Endpoint(host, "http://127.0.0.1") for host in hosts]
    builder = _Builder(loaded, endpoints)
    for index, request in enumerate(loaded.workload.routes):
        builder.route(request, ("routes", index))
    setup_routes(loaded, "setup", endpoints)
    setup_routes(loaded, "teardown", endpoints)
    workload_plan(loaded, endpoints, PlanSettings(shaped_loop(loaded.workload.load, 1.0, 1.0, "uniform")))


def _stream(loaded: LoadedWorkload, route: WorkloadRoute) -> str:
    return loaded.workload.load.stream_of(route.name, dict(route.tags).get(GROUP, ""))


class _Builder:
    """The engine's requests of one workload."""

    def __init__(self, loaded: LoadedWorkload, endpoints: Sequence[Endpoint]) -> None:
        self._workload = loaded.workload
        self._data = loaded.data
        self._endpoints = endpoints

    @property
    def placeholder_values(self) -> tuple[tuple[str, None], ...]:
        """The names that the setup will provide, so that a plan is complete before it has run."""
        return tuple((extraction.name, None) for request in self._workload.setup for extraction in request.extract)

    def weights(self, only: Collection[str]) -> dict[str, int]:
        """The weight of every route and journey by name; 0 for those that are not sent."""
        weights = dict(self._workload.weights)
        unknown = [name for name in only if name not in weights]
        if unknown:
            raise SloError(
                f"the workload has no route or journey {unknown[0]!r}",
                next_step=f"known names: {listed(weights)}" if weights else "add routes: to the workload",
            )
        if not only:
            return weights
        self._refuse_steps_alone(only)
        return {name: (weight or 1) if name in only else 0 for name, weight in weights.items()}

    def _refuse_steps_alone(self, only: Collection[str]) -> None:
        """A route that needs values of a journey's earlier steps cannot be sent by itself."""
        known = {source.name for source in self._workload.data} | {name for name, _ in self.placeholder_values} | {"run"}
        for sent in requests_with_names(self._workload):
            if sent.request.name in only and sent.location[0] == "routes":
                route = engine_route(sent.request, self._data, url="http://host", host="")
                missing = sorted({name.partition(".")[0] for name in route.names} - known)
                if missing:
                    raise SloError(
                        f"the route {sent.request.name!r} cannot be sent outside of its journey: it needs {listed(missing)}",
                        next_step="name the journey instead",
                    )

    def route(self, request: WorkloadRoute, location: Location) -> Route:
        endpoint = self._endpoint(request, location)
        return engine_route(request, self._data, url=endpoint.url, host=request.host or self._workload.host or endpoint.host)

    def steps(self, journey: WorkloadJourney, index: int) -> list[Route]:
        """The routes of a journey's steps, each with what its step extracts."""
        named = {route.name: (number, route) for number, route in enumerate(self._workload.routes)}
        routes = []
        for number, step in enumerate(journey.steps):
            if isinstance(step.route, WorkloadRoute):
                request = step.route
                location: Location = ("journeys", index, "steps", number)
                extract = request.extract
            else:
                position, request = named[step.route]
                location = ("routes", position)
                extract = (*request.extract, *step.extract)
            route = self.route(request, location)
            routes.append(replace(route, journey=journey.name, extract=extract))
        return routes

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of a program, which makes its requests itself."""
        return self._endpoint_of(
            self._workload.host, self._workload.source("host"), self._workload.source(self._workload.program), "workload"
        )

    def _endpoint(self, request: WorkloadRoute, location: Location) -> Endpoint:
        """The endpoint of a request: of its host, of the workload's, or the only one."""
        written = self._workload.source(*((*location, "host") if request.host else ("host",)))
        return self._endpoint_of(request.host or self._workload.host, written, self._workload.source(*location, "name"), "request")

    def _endpoint_of(self, host: str, written: Source, whole: Source, noun: str) -> Endpoint:
        """The endpoint of `host`, or the only one; `written` is where the host is set, `whole` what needs one."""
        by_host = {endpoint.host: endpoint for endpoint in self._endpoints}
        if host:
            found = by_host.get(host) or by_host.get("")
            if found is not None:
                return found
            raise written.error(
                f"the application's manifests do not route {host!r}", next_step=f"routed hosts: {listed(by_host) or 'none'}"
            )
        if len(by_host) == 1:
            return next(iter(by_host.values()))
        known = listed([name for name in by_host if name])
        if not by_host:
            raise whole.error("the application's manifests route no host", next_step="find out why with `kindgate validate`")
        raise whole.error(f"the {noun} has no host, and the manifests route several", next_step=f"add host: one of {known}")
