"""CPU time per request and scheduling delay of requests that differ, and of journeys, next to those of one plain GET."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.nginx import Nginx
from bench.noise_filter import median_sample
from bench.run_profile import RunProfile
from bench.usage import Usage
from kindgate.load.expectation import Expectation, Extraction
from kindgate.load.generator_pool import GeneratorPool, run_burst, warm_up
from kindgate.load.journey import Journey, Step
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.load.template import Encoding, Placeholder, Template
from kindgate.load.variables import Counter, Rows, Uuid, Variable
from kindgate.progress import Progress

RATE = 1000
"""Requests per second."""

STEPS = 5
"""Requests of a journey, of which a fifth of the rate is started per second."""

FILLED = "filled POST"
JOURNEYS = f"{RATE // STEPS} journeys/s of {STEPS} steps"

VARIABLES: tuple[Variable, ...] = (
    Rows("user", ("email", "age"), tuple((f"user{number}@shop.localhost", 20 + number % 50) for number in range(1000)), "random"),
    Uuid("order"),
    Counter("n"),
)
BODY = Template(
    (
        '{"order": "',
        Placeholder("order", Encoding.JSON_STRING),
        '", "email": ',
        Placeholder("user.email", Encoding.JSON),
        ', "age": ',
        Placeholder("user.age", Encoding.JSON),
        ', "items": [{"product": 7, "count": 2}]}',
    )
)


@dataclass(frozen=True)
class WorkloadCost:
    """One kind of load. Lags and CPU in microseconds, CPU per request; `of_plain` is the ratio to the adjacent plain GETs."""

    name: str
    achieved: float
    dropped: int
    failed: int
    lag_p50: float
    lag_p99: float
    cpu_us: float
    of_plain: float
    foreign: float
    samples: int = 1


def measure_workload_cost(server: Nginx, profile: RunProfile, progress: Progress) -> Iterator[WorkloadCost]:
    """Send each kind of load right after plain GETs at the same rate; yield the sample with the median ratio of those that count."""
    loop = OpenLoop.constant(RATE, seconds=profile.paced_seconds)
    plain = BurstPlan((Route(server.url),), loop, processes=1)
    for name, plan in (("plain GET", plain), (FILLED, _filled(server, loop)), (JOURNEYS, _journeys(server, profile.paced_seconds))):
        progress(f"workload: {name}")
        samples = [_sample(name, server, plain, plan) for _ in range(profile.samples)]
        chosen = median_sample(samples, lambda sample: sample.of_plain)
        yield WorkloadCost(**{**vars(chosen), "samples": len(samples)})


def _filled(server: Nginx, loop: OpenLoop) -> BurstPlan:
    """POST requests whose path, header and JSON body differ, and whose status is checked."""
    route = Route(
        server.url,
        "shop.localhost",
        "POST",
        (("Content-Type", "application/json"),),
        path=Template(("/orders/", Placeholder("n", Encoding.URL), "?for=", Placeholder("user.email", Encoding.URL))),
        header_templates=(("Authorization", Template(("Bearer ", Placeholder("order")))),),
        body_template=BODY,
        expect=Expectation(((200, 201),)),
    )
    return BurstPlan((route,), loop, processes=1, variables=VARIABLES)


def _journeys(server: Nginx, seconds: float) -> BurstPlan:
    """A login that provides a token, three pages and an order that need it."""
    bearer = (("Authorization", Template(("Bearer ", Placeholder("token")))),)
    login = Route(
        server.url,
        "shop.localhost",
        "POST",
        path=Template(("/login",)),
        body_template=BODY,
        extract=(Extraction("token", "json", "token"),),
    )
    page = Route(server.url, "shop.localhost", path=Template(("/pages/", Placeholder("n", Encoding.URL))), header_templates=bearer)
    order = Route(server.url, "shop.localhost", "POST", path=Template(("/orders",)), header_templates=bearer, body_template=BODY)
    steps = tuple(
        Route(**{**vars(route), "name": f"step {number}", "weight": 0, "journey": "buy"})
        for number, route in enumerate((login, page, page, page, order), 1)
    )
    journey = Journey("buy", tuple(Step(number) for number in range(STEPS)))
    return BurstPlan(steps, OpenLoop.constant(RATE / STEPS, seconds=seconds), processes=1, variables=VARIABLES, journeys=(journey,))


def _sample(name: str, server: Nginx, plain: BurstPlan, plan: BurstPlan) -> WorkloadCost:
    with GeneratorPool() as pool:
        warm_up(plain, 1.0, pool)
        base = run_burst(plain, pool=pool)
        warm_up(plan, 1.0, pool)
        with Usage(server) as usage:
            result = run_burst(plan, pool=pool)
    cpu_us, plain_us = (each.health.cpu_seconds / each.sent * 1e6 for each in (result, base))
    return WorkloadCost(
        name=name,
        achieved=result.achieved_rate / RATE,
        dropped=result.dropped,
        failed=sum(result.failed.values()),
        lag_p50=result.loop_lag.percentile(50),
        lag_p99=result.loop_lag.percentile(99),
        cpu_us=cpu_us,
        of_plain=cpu_us / plain_us,
        foreign=max(0.0, usage.foreign - result.health.cpu_seconds / usage.seconds),
    )
