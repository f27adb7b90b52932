"""Measure a capacity: bursts at the required rate, which decide the objective, then a search, which gives the figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kindgate.load.result import BurstResult
from kindgate.model import Verdict
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import BurstSeries, OnBurst
from kindgate.pipeline.capacity_figures import capacity_row
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.evaluation import MeasuredJudgement, measure_and_judge
from kindgate.pipeline.phases import PhaseLog
from kindgate.pipeline.pod_metering import find_replicas
from kindgate.pipeline.report_builder import Measurement
from kindgate.settings import SloSettings
from kindgate.slo.capacity import judge_capacity, trial_at_required_rate, trial_of
from kindgate.slo.capacity_search import CapacityRange, RateTrial, capacity_range, next_rate
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import CapacityObjective, Objectives

OnTrial = Callable[[RateTrial], object]
"""Receives the outcome of each rate of a search."""


@dataclass(frozen=True)
class MeasuredCapacity:
    """A judged capacity, with the bursts at the required rate that decided it.

    `found` is the result of the search, and `best` are the bursts at the highest rate that was met.
    """

    measured: MeasuredJudgement
    found: CapacityRange
    best: tuple[BurstResult, ...]

    @property
    def judgement(self) -> Judgement:
        """The verdict at the required rate."""
        return self.measured.judgement


def measure_capacity(
    objective: CapacityObjective,
    burst_series: BurstSeries,
    bursts: int,
    *,
    quick: bool = False,
    on_burst: OnBurst = lambda _number, _planned, _result: None,
    on_look: Callable[[Judgement], object] = lambda _judgement: None,
    on_trial: OnTrial = lambda _trial: None,
) -> MeasuredCapacity:
    """Judge `objective` under the load of `burst_series`, in looks of `bursts` bursts, and search for the capacity.

    Every rate is stored as a series of bursts of its own, which other tests of the run share. A measurement that is INVALID at
    the required rate is not searched further. Raises as `measure_and_judge` does.
    """
    at_rate = burst_series.at_rate(objective.rate)
    measured = measure_and_judge(Objectives(objective.within), at_rate, bursts, quick=quick, on_burst=on_burst, on_look=on_look)
    trials = [trial_at_required_rate(objective, measured.judgement)]
    bursts_at = {objective.rate: measured.bursts}
    while measured.judgement.verdict is not Verdict.INVALID and (rate := next_rate(trials)) is not None:
        attempts = sum(trial.bursts for trial in trials if trial.rate == rate)
        burst = burst_series.at_rate(rate).extend(attempts + 1)[attempts]
        bursts_at[rate] = (burst,)
        trials.append(trial_of(objective.within, rate, burst_sample(burst)))
        on_trial(trials[-1])
    search = tuple(trials[1:])
    look, looks = measured.judgement.look, measured.judgement.looks
    judgement = judge_capacity(objective, [burst_sample(burst) for burst in measured.bursts], search, look=look, looks=looks)
    origin = replace(measured.origin, within=objective.within, search=search)
    found = capacity_range(trials)
    best = bursts_at[found.met] if found.met is not None else ()
    return MeasuredCapacity(MeasuredJudgement(judgement, measured.bursts, origin), found, best)


def trial_line(log: PhaseLog) -> OnTrial:
    """Report the outcome of each rate of a search."""
    return lambda trial: log.report(f"{trial.rate:g} requests and journeys per second: {trial.reason or 'all objectives met'}")


def capacity_measurement(found: MeasuredCapacity, application: DeployedApplication, settings: SloSettings, test: str) -> Measurement:
    """The results of a test that judged a capacity, with what the capacity means for each of the application's workloads.

    An INVALID measurement has no capacity.
    """
    measured = found.measured
    measurement = Measurement(test, judgement=measured.judgement, origin=measured.origin)
    if measured.judgement.verdict is Verdict.INVALID:
        return measurement
    row = capacity_row(
        found.found,
        found.best,
        find_replicas(application),
        target_rate=settings.target_rate,
        cpu_hour_price=settings.cpu_hour_price,
        test=test,
    )
    return replace(measurement, capacity=row)
