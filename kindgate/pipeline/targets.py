"""What a burst is sent to: the application's hosts, behind the ingress."""

from __future__ import annotations

from collections.abc import Iterable

from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.settings import LoadSettings


def ingress_routes(ingress_url: str, hosts: Iterable[str], path: str = "/") -> tuple[Route, ...]:
    """One route per host: all are sent to the ingress's address, and the Host header tells them apart."""
    return tuple(Route(url=ingress_url.rstrip("/") + path, host=host, name=host) for host in hosts)


def standard_plan(load: LoadSettings, routes: tuple[Route, ...]) -> BurstPlan:
    """The burst that settings describe: an open loop over all routes alike."""
    loop = OpenLoop.constant(load.rate, seconds=load.duration, arrival=load.arrival)
    return BurstPlan(routes=routes, loop=loop, seed=load.seed, timeout=load.timeout)
