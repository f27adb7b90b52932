"""Measure until the objectives are decided: bursts in planned interim looks, each judged and reported as it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from kindgate.load.plan import BurstPlan, OpenLoop
from kindgate.load.result import BurstResult
from kindgate.pipeline.burst_samples import burst_sample, journey_tags, route_tags
from kindgate.pipeline.burst_series import BurstSeries, OnBurst
from kindgate.pipeline.phases import PhaseLog
from kindgate.report.judged import Origin
from kindgate.slo.abort import final_misses
from kindgate.slo.compare import Comparison
from kindgate.slo.judge import LOOKS, judge
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives
from kindgate.slo.planned_load import BurstsPlan, PlannedLoad, PlannedSeries
from kindgate.slo.planning import refuse_unreachable

BURSTS_PER_LINE = 5
"""Bursts between two progress lines: about one line every ten seconds."""


@dataclass(frozen=True)
class MeasuredJudgement:
    """A judgement, the bursts it is based on, and their plan."""

    judgement: Judgement
    bursts: tuple[BurstResult, ...]
    origin: Origin


def measure_and_judge(
    objectives: Objectives,
    burst_series: BurstSeries,
    bursts: int,
    *,
    quick: bool = False,
    on_burst: OnBurst = lambda _number, _planned, _result: None,
    on_look: Callable[[Judgement], object] = lambda _judgement: None,
) -> MeasuredJudgement:
    """Judge `objectives` from `bursts` bursts, and from twice and three times as many while they are inconclusive.

    An `abortOnFail` threshold on a fact ends the series after the burst that irreversibly missed it; `abort` of the
    judgement is then set, as it is when such a threshold fails at a look.
    `quick` sends a single burst, from which only facts can be decided. Raises `SloError` before any load is sent for an
    objective that this many requests could not confirm, and `LoadError` if a burst cannot be sent.
    """
    looks = 1 if quick else LOOKS
    planned = BurstsPlan(1 if quick else bursts, planned_load(burst_series.plan), looks)
    refuse_unreachable(replace(objectives, compare=()), planned)

    def irreversibly_missed(results: Sequence[BurstResult]) -> bool:
        return bool(final_misses(objectives, [burst_sample(result) for result in results]))

    for look in range(1, looks + 1):
        results = burst_series.extend(1 if quick else bursts * look, on_burst, irreversibly_missed)
        judgement = judge(objectives, [burst_sample(result) for result in results], look=look, looks=looks)
        on_look(judgement)
        if judgement.decided or judgement.abort:
            break
    return MeasuredJudgement(judgement, results, Origin(starts_of(results), planned.bursts))


def starts_of(results: Sequence[BurstResult]) -> tuple[float, ...]:
    """Start time of each burst, unique within a run because bursts never overlap."""
    return tuple(result.window.start for result in results)


def planned_load(*plans: BurstPlan) -> PlannedLoad:
    """The load of one burst of each of `plans`, by the tags that objectives select by; steps count as if no journey failed."""
    return PlannedLoad(
        tuple(series for plan in plans for series in _planned_requests(plan)),
        tuple(series for plan in plans for series in _planned_journeys(plan)),
        unknown=any(plan.program is not None for plan in plans),
    )


def _planned_requests(plan: BurstPlan) -> Iterator[PlannedSeries]:
    for route in plan.routes:
        if route.weight:
            yield PlannedSeries(route_tags(route), _arrivals(plan, route.weight))
    for journey in plan.journeys:
        for step in journey.steps:
            if journey.weight:
                yield PlannedSeries(route_tags(plan.routes[step.route]), _arrivals(plan, journey.weight))


def _planned_journeys(plan: BurstPlan) -> Iterator[PlannedSeries]:
    for journey in plan.journeys:
        if journey.weight:
            yield PlannedSeries(journey_tags(journey), _arrivals(plan, journey.weight))


def _arrivals(plan: BurstPlan, weight: int) -> int:
    """Number of arrivals in a burst of something with this weight in the mix."""
    count = plan.loop.count if isinstance(plan.loop, OpenLoop) else plan.loop.requests or 0
    return count * weight // sum(plan.weights)


def burst_line(log: PhaseLog) -> OnBurst:
    """Report the last result every `BURSTS_PER_LINE` bursts."""

    def show(number: int, planned: int, result: BurstResult) -> None:
        if number % BURSTS_PER_LINE == 0 or number == planned:
            total = result.total
            p95 = f"p95 {total.response.percentile(95) / 1000:.1f} ms" if total.response.count else "no response"
            redirects = f", {total.redirects:,} answered with redirects" if total.mostly_redirects else ""
            log.report(f"burst {number} of {planned}: {total.scheduled:,} requests, {p95}, {total.failures:,} failed{redirects}")

    return show


def look_line(log: PhaseLog) -> Callable[[Judgement | Comparison], None]:
    """Report the verdict of each look."""
    return lambda judgement: log.report(f"look {judgement.look} of {judgement.looks}: {judgement.verdict}")


def confirmation_line(log: PhaseLog) -> Callable[[Comparison], None]:
    """Report the verdict of a comparison after its confirmation round."""
    return lambda comparison: log.report(f"confirmation round: {comparison.verdict}")
