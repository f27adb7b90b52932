"""The load of a comparison: one schedule over both versions, so that whatever the machine does happens to both.

Every block of the schedule holds each host of each version once, in random order: the versions get equal shares of
the rate, and no request is tied to a moment that suits one of them.
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
"""ABBA: a steady drift of the machine weighs on both versions alike."""


def duet_plan(plan: BurstPlan, hosts: Mapping[str, str], served: Container[tuple[str, str]] | None = None) -> BurstPlan:
    """`plan`, whose routes lead to the new version, with both versions as arms of one schedule at the same total rate.

    `hosts` names the base version's host for each of the new version's, `served` the hosts and paths that the base
    serves (None: all of them); what the base does not serve is left out.
    """
    heads = [
        replace(route, arm=HEAD)
        for route in plan.routes
        if route.host in hosts and (served is None or (hosts[route.host], urlsplit(route.url).path) in served)
    ]
    bases = [replace(route, host=hosts[route.host], arm=BASE) for route in heads]
    return replace(plan, routes=(*heads, *bases))


def abba_plans(duet: BurstPlan) -> tuple[BurstPlan, ...]:
    """The bursts of one block of the fallback, each with one version at the whole rate: base, new, new, base."""

    def routes_of(arm: str) -> tuple[Route, ...]:
        return tuple(route for route in duet.routes if route.arm == arm)

    return tuple(replace(duet, routes=routes_of(arm)) for arm in TURNS)


def comparison_campaign(settings: Settings, objectives: Objectives, standing: Provisioned, lease: Lease) -> Campaign:
    """The bursts that `objectives.compare` is judged from; the warm-up goes to both versions in either case.

    Raises `SettingsError` where no base version stands.
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
    """The version that stands beside the application; raises `SettingsError` where there is none."""
    if standing.base is None:
        raise SettingsError("no baseline to compare with", next_step="set --slo-base REF_OR_OVERLAY")
    return standing.base
