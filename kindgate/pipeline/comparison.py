"""Measure until the comparison with the baseline is decided, and sum up the resources that both versions used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kindgate.load.result import BurstResult
from kindgate.model import Verdict, Window
from kindgate.observe.prometheus_client import prometheus_in_cluster
from kindgate.observe.resource_summary import ResourceSummary, resource_summary
from kindgate.pipeline.answer_samples import CompareAnswers, compare_no_answers
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import BurstSeries, OnBurst
from kindgate.pipeline.environment import MonitoredApplication, VersionSwap
from kindgate.pipeline.evaluation import planned_load, starts_of
from kindgate.pipeline.judged_series import base_of
from kindgate.report.judged import Origin, RoundOrigin
from kindgate.settings import SloSettings
from kindgate.slo.compare import Comparison, compare
from kindgate.slo.comparison_planning import size_advice
from kindgate.slo.confirm import confirm, needs_confirmation, round_pairs
from kindgate.slo.each import expanded, tolerances_of_route
from kindgate.slo.judge import LOOKS
from kindgate.slo.objectives import Objectives, Tolerance
from kindgate.slo.planned_load import BurstsPlan
from kindgate.slo.planning import refuse_unreachable
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
    route: str = "",
    quick: bool = False,
    placement: str = "",
    on_burst: OnBurst = lambda _number, _planned, _result: None,
    on_look: Callable[[Comparison], object] = lambda _comparison: None,
    on_confirmation: Callable[[Comparison], object] = lambda _comparison: None,
    on_advice: Callable[[str], object] = lambda _line: None,
    compare_answers: CompareAnswers = compare_no_answers,
) -> MeasuredComparison:
    """Judge `objectives.compare` from `pairs` pairs, and from twice and three times as many while inconclusive.

    A verdict is confirmed by a second series of bursts, after `swap_versions` is called. `compare_answers` is called before
    that, because both versions' setup values end with the swap. With `route`, only the tolerances and answers of that route
    are judged.
    `quick` takes one pair, which shows figures but decides nothing. `placement` describes how the versions differ in node
    placement, which makes the comparison INVALID; empty if they do not differ.

    Raises `SloError` before any load is sent if there is no tolerance or the plan could not decide one,
    `LoadError` if a burst cannot be sent, and any error of `swap_versions`.
    """
    pairs, looks = (1, 1) if quick else (pairs, LOOKS)
    plan = BurstsPlan(pairs, planned_load(*burst_series.plans), looks)
    tolerances = expanded(objectives.compare, plan.load.carried)
    refuse_unreachable(Objectives(compare=tolerances), plan)
    for line in size_advice(tolerances, plan.load):
        on_advice(line)
    chosen = tolerances_of_route(tolerances, route) if route else tolerances
    looking = _Looking(burst_series, pairs, looks, placement, on_burst)
    if route:
        # the bursts of all tolerances' looks: once the versions are swapped, other tests could not measure them in the same places
        looking.until(lambda comparison: all(result.verdict is not Verdict.INCONCLUSIVE for result in comparison.results), tolerances)
    results, comparison = looking.until(lambda comparison: comparison.decided, chosen, on_look)
    origin = Origin(starts_of(results), pairs * burst_series.turns, burst_series.turns, placement)
    answers = [one for one in compare_answers(burst_series) if route in {"", one.answers.route}]
    if not needs_confirmation(comparison):
        return MeasuredComparison(comparison.with_answers(answers), results, origin)
    swap = swap_versions()
    second = burst_series.second().extend(round_pairs(pairs) * burst_series.turns, on_burst)
    comparison = confirm(comparison, [burst_sample(result) for result in second], swap.placement)
    on_confirmation(comparison)
    confirmation = RoundOrigin(starts_of(second), swap.placement, swap.done)
    return MeasuredComparison(comparison.with_answers(answers), results, replace(origin, confirmation=confirmation), second)


@dataclass(frozen=True)
class _Looking:
    """The planned looks at a series of bursts; parameters as in `measure_and_compare`."""

    burst_series: BurstSeries
    pairs: int
    looks: int
    placement: str
    on_burst: OnBurst

    def until(
        self,
        done: Callable[[Comparison], bool],
        tolerances: Sequence[Tolerance],
        on_look: Callable[[Comparison], object] = lambda _comparison: None,
    ) -> tuple[tuple[BurstResult, ...], Comparison]:
        """Look until `done` is true or the last look is over; return its bursts and the comparison."""
        look = 1
        while True:
            results = self.burst_series.extend(self.pairs * self.burst_series.turns * look, self.on_burst)
            samples = [burst_sample(result) for result in results]
            comparison = compare(tolerances, samples, look=look, looks=self.looks, placement=self.placement)
            on_look(comparison)
            if done(comparison) or look == self.looks:
                return results, comparison
            look += 1


def resources_of_both(monitored: MonitoredApplication, bursts: tuple[BurstResult, ...]) -> tuple[ResourceSummary, ...]:
    """Resources used by each version from the first burst to the last, the pull request first; empty without Prometheus."""
    if not monitored.has_prometheus:
        return ()
    application = monitored.application
    base = base_of(application)
    window = Window(bursts[0].window.start, bursts[-1].window.end)
    deadline = Deadline.after(RESOURCE_SECONDS)
    versions = ((base.namespaces.keys(), application.rendered), (base.namespaces.values(), base.rendered))
    with prometheus_in_cluster(application.address) as client:
        return tuple(resource_summary(client, window, names, rendered, deadline) for names, rendered in versions)
