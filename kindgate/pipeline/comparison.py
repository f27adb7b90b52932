"""Measure until the comparison with the baseline is decided, and sum up the resources that both versions used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kindgate.load.result import BurstResult
from kindgate.model import Window
from kindgate.observe.prometheus_client import prometheus_in_cluster
from kindgate.observe.resource_summary import ResourceSummary, resource_summary
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import BurstSeries, OnBurst, base_of
from kindgate.pipeline.environment import Environment, VersionSwap
from kindgate.pipeline.evaluation import planned_series, starts_of
from kindgate.report.judged import Origin, RoundOrigin
from kindgate.settings import SloSettings
from kindgate.slo.compare import Comparison, compare
from kindgate.slo.confirm import confirm, needs_confirmation, round_pairs
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Objectives
from kindgate.slo.planning import BurstsPlan, refuse_unreachable
from kindgate.waiting import Deadline

RESOURCE_SECONDS = 60.0
"""cAdvisor samples each container every 10 to 15 s, and Prometheus scrapes cAdvisor every 5 s."""


SwapVersions = Callable[[], VersionSwap]
"""Swaps both versions before a confirmation round, and returns how it was done."""


@dataclass(frozen=True)
class MeasuredComparison:
    """A comparison, the bursts it is based on, and their plan.

    `bursts` are those of the looks; `confirmation` are those of the confirmation round, empty if there was none.
    """

    comparison: Comparison
    bursts: tuple[BurstResult, ...]
    origin: Origin
    confirmation: tuple[BurstResult, ...] = ()

    @property
    def shown(self) -> tuple[BurstResult, ...]:
        """The bursts whose figures are shown: those of the confirmation round, if there was one."""
        return self.confirmation or self.bursts


def pairs_per_look(objectives: Objectives, settings: SloSettings) -> int:
    """Pairs added by one look: a duet burst gives one, and so does a block of four ABBA bursts."""
    return objectives.bursts.count or settings.bursts


def measure_and_compare(
    objectives: Objectives,
    burst_series: BurstSeries,
    pairs: int,
    swap_versions: SwapVersions,
    *,
    quick: bool = False,
    placement: str = "",
    on_burst: OnBurst = lambda _number, _planned, _result: None,
    on_look: Callable[[Comparison], object] = lambda _comparison: None,
    on_confirmation: Callable[[Comparison], object] = lambda _comparison: None,
) -> MeasuredComparison:
    """Judge `objectives.compare` from `pairs` pairs, and from twice and three times as many while inconclusive.

    A verdict is confirmed by a second series of bursts, after `change_places` is called.
    `quick` takes one pair, which shows figures but decides nothing. `placement` describes how the versions differ in node
    placement, which makes the comparison INVALID; empty if they do not differ.

    Raises `SloError` before any load is sent if there is no tolerance or so few pairs could not decide one,
    `LoadError` if a burst cannot be sent, and any error of `change_places`.
    """
    pairs, looks = (1, 1) if quick else (pairs, LOOKS)
    refuse_unreachable(replace(objectives, thresholds=()), BurstsPlan(pairs, planned_series(burst_series.plan), looks))
    for look in range(1, looks + 1):
        results = burst_series.extend(pairs * burst_series.turns * look, on_burst)
        comparison = compare(objectives.compare, [burst_sample(result) for result in results], look=look, looks=looks, placement=placement)
        on_look(comparison)
        if comparison.decided:
            break
    origin = Origin(starts_of(results), pairs * burst_series.turns, burst_series.turns, placement)
    if not needs_confirmation(comparison):
        return MeasuredComparison(comparison, results, origin)
    swap = swap_versions()
    second = burst_series.second().extend(round_pairs(pairs) * burst_series.turns, on_burst)
    comparison = confirm(comparison, [burst_sample(result) for result in second], swap.placement)
    on_confirmation(comparison)
    confirmation = RoundOrigin(starts_of(second), swap.placement, swap.done)
    return MeasuredComparison(comparison, results, replace(origin, confirmation=confirmation), second)


def resources_of_both(env: Environment, bursts: tuple[BurstResult, ...]) -> tuple[ResourceSummary, ...]:
    """Resources used by each version from the first burst to the last, the pull request first; empty without Prometheus."""
    if not env.monitoring:
        return ()
    base = base_of(env)
    window = Window(bursts[0].window.start, bursts[-1].window.end)
    deadline = Deadline.after(RESOURCE_SECONDS)
    versions = ((base.namespaces.keys(), env.rendered), (base.namespaces.values(), base.rendered))
    with prometheus_in_cluster(env.address) as client:
        return tuple(resource_summary(client, window, names, rendered, deadline) for names, rendered in versions)
