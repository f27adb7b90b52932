"""What a burst is sent to: the application's hosts, behind the ingress."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.pipeline.stages import Provisioned
from kindgate.settings import LoadSettings
from kindgate.slo.objectives import Objectives


def ingress_routes(ingress_url: str, hosts: Iterable[str], path: str = "/") -> tuple[Route, ...]:
    """One route per host: all are sent to the ingress's address, and the Host header tells them apart."""
    return tuple(Route(url=ingress_url.rstrip("/") + path, host=host, name=host) for host in hosts)


def standard_plan(load: LoadSettings, routes: tuple[Route, ...]) -> BurstPlan:
    """The burst that settings describe: an open loop over all routes alike."""
    loop = OpenLoop.constant(load.rate, seconds=load.duration, arrival=load.arrival)
    return BurstPlan(routes=routes, loop=loop, seed=load.seed, timeout=load.timeout)


def objectives_plan(load: LoadSettings, objectives: Objectives, standing: Provisioned) -> BurstPlan:
    """The burst that `objectives` are judged from: the standard one, with the sizes that the SLO file may set."""
    sizes = objectives.bursts
    sized = replace(load, rate=sizes.rate or load.rate, duration=sizes.duration or load.duration)
    return standard_plan(sized, ingress_routes(standing.address.ingress_url, standing.rendered.hosts))
