"""The load of a comparison: one schedule over both versions, so the machine affects both alike.

Every block of the schedule holds each host of each version once, in random order: the versions get equal shares of
the rate, and no request is tied to a time that favors one of them.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from kindgate.deploy.beside import Beside
from kindgate.deploy.entries import entries_of
from kindgate.errors import SettingsError
from kindgate.load.plan import BurstPlan, Route
from kindgate.pipeline.campaign import Campaign
from kindgate.pipeline.lease import Lease
from kindgate.pipeline.stages import Provisioned
from kindgate.pipeline.targets import objectives_plan
from kindgate.settings import Settings
from kindgate.slo.compare import BASE, HEAD
from kindgate.slo.objectives import Objectives

TURNS = (BASE, HEAD, HEAD, BASE)
"""ABBA: a steady drift of the machine affects both versions equally."""


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

    def routes_of(arm: str) -> tuple[Route, ...]:
        return tuple(route for route in duet.routes if route.arm == arm)

    return tuple(replace(duet, routes=routes_of(arm)) for arm in TURNS)


def comparison_campaign(settings: Settings, objectives: Objectives, standing: Provisioned, lease: Lease) -> Campaign:
    """The bursts that `objectives.compare` is judged from; the warm-up always goes to both versions.

    Raises `SettingsError` if no baseline is deployed, or if it serves none of the paths.
    """
    base = base_of(standing)
    served = {(entry.host, entry.path) for entry in entries_of(base.rendered, existing=True)}
    duet = duet_plan(objectives_plan(settings.load, objectives, standing), base.hosts, served)
    if not duet.routes:
        raise SettingsError(
            "the baseline serves none of the paths that the pull request is judged by",
            last_state=f"paths of the baseline: {', '.join(sorted(host + path for host, path in served)) or 'none'}",
            next_step="make both versions serve a common path",
        )
    turns = abba_plans(duet) if settings.slo.compare == "abba" else ()
    return Campaign(duet, settings.load.warmup, standing.measurements, lease, turns, ours=standing.ours)


def base_of(standing: Provisioned) -> Beside:
    """The baseline deployed alongside the application; raises `SettingsError` if there is none."""
    if standing.base is None:
        raise SettingsError("no baseline to compare with", next_step="set --slo-base REF_OR_OVERLAY")
    return standing.base
