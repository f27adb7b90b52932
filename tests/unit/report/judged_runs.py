"""Reports of runs that were really judged: generated bursts go through the pipeline's own interim looks into a report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kindgate.load.result import BurstResult
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import BurstSeries, Enough, OnBurst
from kindgate.pipeline.capacity import measure_capacity
from kindgate.pipeline.comparison import measure_and_compare
from kindgate.pipeline.environment import VersionSwap
from kindgate.pipeline.evaluation import measure_and_judge
from kindgate.pipeline.load_lock import LoadLock
from kindgate.pipeline.report_builder import Measurement, build_report
from kindgate.report.run_report import Run, RunReport, TestResult
from kindgate.slo.grammar import parse_marker
from kindgate.slo.objectives import Objectives
from tests.unit.report.bursts import measured_burst

Burst = Callable[[int], BurstResult]
"""Builds the burst with the given number."""


class GeneratedSeries(BurstSeries):
    """Bursts that are generated, not sent."""

    def __init__(self, burst: Burst, turns: int = 1, *, before: int = 0) -> None:
        first = burst(0)
        super().__init__(first.plan, 0.0, Path(), LoadLock(Path(), Path()), (first.plan,) * turns if turns > 1 else ())
        self._burst = burst
        self._before = before
        self.sent: tuple[BurstResult, ...] = ()

    def second(self) -> BurstSeries:
        """Return a series whose bursts start after this one's."""
        return GeneratedSeries(self._burst, self.turns, before=len(self.sent))

    def extend(
        self, count: int, on_burst: OnBurst = lambda _number, _planned, _result: None, enough: Enough = lambda _results: False
    ) -> tuple[BurstResult, ...]:
        """Extend as the pipeline does, without sending load."""
        while len(self.sent) < count and not (self.sent and enough(self.sent)):
            self.sent = (*self.sent, self._burst(self._before + len(self.sent)))
            on_burst(len(self.sent), count, self.sent[-1])
        return self.sent[:count]


class SaturatedSeries(GeneratedSeries):
    """Bursts of a service that answers in about 20 ms up to `capacity` requests per second, and in about 2 s beyond."""

    def __init__(self, capacity: float, rate: float = 200, *, shared: list[BurstResult] | None = None, steal: float = 0.0) -> None:
        self.capacity = capacity
        self.steal = steal
        self.all_sent: list[BurstResult] = [] if shared is None else shared
        """The bursts at all rates, in the order of sending."""
        self._rates: dict[float, SaturatedSeries] = {}

        def burst(number: int) -> BurstResult:
            median = 20.0 if rate <= capacity else 2000.0
            start = len(self.all_sent) - number
            result = measured_burst(number, median=median, rate=rate, size=round(2 * rate), start=start, steal=steal)
            self.all_sent.append(result)
            return result

        super().__init__(burst)
        self.all_sent.pop()  # only for the plan

    def at_rate(self, rate: float) -> BurstSeries:
        """Return the same series for the same rate, as files on the disk would."""
        return self._rates.setdefault(rate, SaturatedSeries(self.capacity, rate, shared=self.all_sent, steal=self.steal))


def capacity_run(objectives: Objectives, capacity: float, bursts: int, *, quick: bool = False, test: str = "test_slo") -> RunReport:
    """Return the report of a run that judged thresholds and capacities of a service with this capacity."""
    burst_series = SaturatedSeries(capacity)
    steady = measure_and_judge(replace(objectives, thresholds=objectives.steady), burst_series, bursts, quick=quick)
    measurements = [Measurement(test, judgement=steady.judgement, origin=steady.origin)]
    for one in objectives.capacities:
        found = measure_capacity(one, burst_series, bursts, quick=quick).measured
        measurements.append(Measurement(test, judgement=found.judgement, origin=found.origin))
    return reported(measurements, burst_series.all_sent)


def judged_run(
    objectives: Objectives, burst: Burst, bursts: int, *, own: bool = False, quick: bool = False, test: str = "test_slo"
) -> RunReport:
    """Return the report of a run that judged thresholds; raise `SloError` if the plan could not decide them."""
    burst_series = GeneratedSeries(burst)
    judged = measure_and_judge(objectives, burst_series, bursts, quick=quick)
    measurement = Measurement(test, judgement=judged.judgement, origin=replace(judged.origin, own=own))
    return reported([measurement], burst_series.sent)


def compared_run(
    objectives: Objectives,
    burst: Burst,
    pairs: int,
    *,
    turns: int = 1,
    placement: str = "",
    placement_after: str = "",
    test: str = "test_duet",
) -> RunReport:
    """Return the report of a run that compared with a baseline; raises as `judged_run` does."""
    burst_series = GeneratedSeries(burst, turns)
    swap = VersionSwap("both versions were deployed again", placement_after)
    compared = measure_and_compare(objectives, burst_series, pairs, lambda: swap, placement=placement)
    bursts = (*compared.bursts, *compared.confirmation)
    return reported([Measurement(test, comparison=compared.comparison, origin=compared.origin)], bursts)


@functools.cache
def judged_figures(*texts: str, test: str = "", bursts: int = 10, **burst: Any) -> dict[str, Any]:
    """Return the report fields that hold the figures from which `texts` were judged."""
    report = judged_run(Objectives(parse_marker(texts)), bursts_of(**burst), bursts, test=test)
    return {"judged": report.judged, "figures": report.figures}


def reported(measurements: Sequence[Measurement], bursts: Sequence[BurstResult]) -> RunReport:
    """Return the report as read back from its file, for a run whose tests ended as its verdicts require."""
    run = Run(id="1", started=1_790_000_000.0, seconds=60.0)
    samples = [burst_sample(burst) for burst in bursts]
    verdicts = [found.verdict.value for one in measurements for found in (one.judgement, one.comparison) if found is not None]
    red = any(verdict in {"FAIL", "INVALID"} for verdict in verdicts)
    tests = tuple(TestResult(node_id=one.test or "a test", outcome="failed" if red else "passed", seconds=1.0) for one in measurements)
    report = build_report(
        run, exit_code=int(red), measurements=[Measurement("load", tuple(bursts)), *measurements], samples=samples, tests=tests
    )
    return RunReport.model_validate_json(report.model_dump_json())


def bursts_of(**burst: Any) -> Burst:
    """Return generated bursts that differ only by chance."""
    return lambda number: measured_burst(number, **burst)
