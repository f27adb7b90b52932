"""Plans of bursts: to the application's entries, or to both versions of a comparison.

A comparison sends one schedule to both versions, so the machine affects both alike. Every block of the schedule holds each
host of each version once, in random order: the versions get equal shares of the rate, and no request is tied to a time that
favors one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from kindgate.deploy.entries import Entry
from kindgate.deploy.entry_requests import entry_url, trusted_file
from kindgate.errors import LoadError, SloError
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.model import ClusterAddress
from kindgate.pipeline.environment import DeployedApplication
from kindgate.settings import LoadSettings
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.objectives import Objectives
from kindgate.workload.burst_plan import Endpoint, LoadedWorkload, PlanSettings, one_arm, shaped_loop, workload_plan

TURNS = (BASE, HEAD, HEAD, BASE)
"""ABBA: a steady drift of the machine affects both versions equally."""


def entry_routes(entries: Iterable[Entry], address: ClusterAddress) -> tuple[Route, ...]:
    """One route per entry: all go to the ingress's address, and the Host header selects the host."""
    return tuple(Route(url=entry_url(address, entry.path, tls=entry.tls), host=entry.host, name=entry.label) for entry in entries)


def chosen_entries(entries: Sequence[Entry], hosts: Iterable[str] | None = None, path: str | None = None) -> tuple[Entry, ...]:
    """The entries of `hosts`, or all; with `path`, that path on each host, even if no manifest contains it.

    Raises `LoadError` for a host without an entry, and if there is no entry at all.
    """
    if not entries:
        raise LoadError(
            "nothing routes requests to the application: it has no usable Ingress, HTTPRoute or IngressRoute",
            next_step="find out why with `kindgate validate`; `kindgate init` writes an Ingress for a Service without one",
        )
    known = {entry.host for entry in entries}
    unknown = sorted(set(hosts) - known) if hosts is not None else []
    if unknown:
        raise LoadError(f"no entry has the host {', '.join(unknown)}", next_step=f"known hosts: {', '.join(sorted(known))}")
    chosen = [entry for entry in entries if hosts is None or entry.host in set(hosts)]
    if path is None:
        return tuple(chosen)
    first = {entry.host: entry for entry in reversed(chosen)}
    return tuple(replace(first[host], path=path) for host in dict.fromkeys(entry.host for entry in chosen))


def standard_plan(load: LoadSettings, routes: tuple[Route, ...], address: ClusterAddress) -> BurstPlan:
    """The burst described by the settings: an open loop over all routes equally, with TLS verified against the cluster's CA."""
    loop = OpenLoop.constant(load.rate, seconds=load.duration, arrival=load.arrival)
    return BurstPlan(routes=routes, loop=loop, seed=load.seed, timeout=load.timeout, ca_file=str(trusted_file(address) or ""))


def objectives_plan(load: LoadSettings, objectives: Objectives, application: DeployedApplication, only: Collection[str] = ()) -> BurstPlan:
    """The burst that `objectives` are judged from, with the sizes of the SLO file, if set: its workload, or all entries equally.

    With `only`, the workload's routes and journeys of these names. Raises `SloError` for a workload that the application's
    hosts do not fit.
    """
    sizes = objectives.bursts
    sized = replace(load, rate=sizes.rate or load.rate, duration=sizes.duration or load.duration)
    loaded = application.cluster.workload
    if loaded is not None:
        loop = shaped_loop(loaded.workload.load, sized.rate, sized.duration, sized.arrival)
        return workload_burst(load, application, loaded, loop, only)
    if only:
        raise SloError(f"there is no workload, so there is no route {next(iter(only))!r}", next_step="add workload: to the SLO file")
    routes = entry_routes(chosen_entries(application.entries), application.address)
    return standard_plan(sized, routes, application.address)


def workload_burst(
    load: LoadSettings, application: DeployedApplication, loaded: LoadedWorkload, loop: OpenLoop, only: Collection[str] = ()
) -> BurstPlan:
    """One burst of a workload with this loop; with `only`, of its routes and journeys of these names."""
    settings = PlanSettings(
        loop=loop,
        seed=load.seed,
        timeout=load.timeout,
        ca_file=str(trusted_file(application.address) or ""),
        salt=run_salt(application),
    )
    return workload_plan(loaded, endpoints_of(application), settings, only)


def endpoints_of(application: DeployedApplication) -> tuple[Endpoint, ...]:
    """The hosts of the application's entries, each with the address at which it is reached."""
    first = {entry.host: entry for entry in reversed(application.entries)}
    return tuple(Endpoint(host, entry_url(application.address, "", tls=entry.tls)) for host, entry in sorted(first.items()))


def run_salt(application: DeployedApplication) -> str:
    """Eight characters that differ between runs, for values that must not repeat on a kept cluster."""
    return hashlib.sha256(str(application.cluster.measurements).encode()).hexdigest()[:8]


def duet_plan(plan: BurstPlan, hosts: Mapping[str, str], served: Container[tuple[str, str]] | None = None) -> BurstPlan:
    """Turn `plan`, whose routes lead to the pull request, into one schedule with both versions as arms, at the same total rate.

    `hosts` maps the pull request's hosts to the baseline's; `served` holds the hosts and paths that the baseline serves
    (None: all of them). Paths that the baseline does not serve are left out.
    """
    heads = [
        replace(route, arm=HEAD)
        for route in plan.routes
        if route.host in hosts and (served is None or (hosts[route.host], urlsplit(route.url).path) in served)
    ]
    bases = [replace(route, host=hosts[route.host], arm=BASE) for route in heads]
    return replace(plan, routes=(*heads, *bases))


def abba_plans(duet: BurstPlan) -> tuple[BurstPlan, ...]:
    """The bursts of one block of the fallback, each with one version at the full rate: base, head, head, base."""
    return tuple(one_arm(duet, arm) for arm in TURNS)
