"""Targets of a burst: the application's entries behind the ingress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kindgate.deploy.entries import Entry
from kindgate.deploy.entry_requests import entry_url, trusted_file
from kindgate.errors import LoadError
from kindgate.load.plan import BurstPlan, OpenLoop, Route
from kindgate.model import ClusterAddress
from kindgate.pipeline.stages import Provisioned
from kindgate.settings import LoadSettings
from kindgate.slo.objectives import Objectives


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


def objectives_plan(load: LoadSettings, objectives: Objectives, standing: Provisioned) -> BurstPlan:
    """The burst that `objectives` are judged from: the standard one with the sizes of the SLO file, if set."""
    sizes = objectives.bursts
    sized = replace(load, rate=sizes.rate or load.rate, duration=sizes.duration or load.duration)
    return standard_plan(sized, entry_routes(chosen_entries(standing.entries), standing.address), standing.address)
