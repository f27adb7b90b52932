"""Measures until the comparison with the base version is decided, and what both versions used meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kindgate.load.result import BurstResult
from kindgate.metrics.access import prometheus_in_cluster
from kindgate.metrics.resources import ResourceSummary, resource_summary
from kindgate.model import Window
from kindgate.pipeline.campaign import Campaign, OnBurst
from kindgate.pipeline.duet import base_of
from kindgate.pipeline.judging import planned_series, starts_of
from kindgate.pipeline.samples import burst_sample
from kindgate.pipeline.stages import Provisioned
from kindgate.report.judged import Origin
from kindgate.settings import SloSettings
from kindgate.slo.compare import Comparison, compare
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Objectives
from kindgate.slo.planning import BurstsPlan, refuse_unreachable
from kindgate.waiting import Deadline

RESOURCE_SECONDS = 60.0
"""cAdvisor looks at each container every 10 to 15 s, and Prometheus every 5 s at cAdvisor."""


@dataclass(frozen=True)
class Compared:
    """What was found, the bursts that it was found from, and by which plan."""

    comparison: Comparison
    bursts: tuple[BurstResult, ...]
    origin: Origin


def pairs_per_look(objectives: Objectives, settings: SloSettings) -> int:
    """Pairs of figures that one look adds: a duet burst gives one, a block of four ABBA bursts as well."""
    return objectives.bursts.count or settings.bursts


def measure_and_compare(
    objectives: Objectives,
    campaign: Campaign,
    pairs: int,
    *,
    quick: bool = False,
    placement: str = "",
    on_burst: OnBurst = lambda _number, _planned, _result: None,
    on_look: Callable[[Comparison], object] = lambda _comparison: None,
) -> Compared:
    """Judge `objectives.compare` from `pairs` pairs of figures, and from twice and three times as many while it is undecided.

    `quick` takes one pair, which shows figures and decides nothing. `placement` says how the versions stand on
    different nodes, which makes the comparison invalid; it is empty when they do not.

    Raises `SloError` before any load is sent when there is no tolerance or so few pairs could decide none, and
    `LoadError` when a burst cannot be sent.
    """
    pairs, looks = (1, 1) if quick else (pairs, LOOKS)
    refuse_unreachable(replace(objectives, thresholds=()), BurstsPlan(pairs, planned_series(campaign.plan), looks))
    for look in range(1, looks + 1):
        results = campaign.extend(pairs * campaign.turns * look, on_burst)
        comparison = compare(objectives.compare, [burst_sample(result) for result in results], look=look, looks=looks, placement=placement)
        on_look(comparison)
        if comparison.decided:
            break
    return Compared(comparison, results, Origin(starts_of(results), pairs * campaign.turns, campaign.turns, placement))


def resources_of_both(standing: Provisioned, bursts: tuple[BurstResult, ...]) -> tuple[ResourceSummary, ...]:
    """What either version used from the first burst to the last, the new one first; none without Prometheus."""
    if not standing.monitoring:
        return ()
    base = base_of(standing)
    window = Window(bursts[0].window.start, bursts[-1].window.end)
    deadline = Deadline.after(RESOURCE_SECONDS)
    versions = ((base.namespaces.keys(), standing.rendered), (base.namespaces.values(), base.rendered))
    with prometheus_in_cluster(standing.address.kubeconfig, standing.address.context) as client:
        return tuple(resource_summary(client, window, names, rendered, deadline) for names, rendered in versions)
