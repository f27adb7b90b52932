"""The `slo` fixture: judge a test's objectives, and fail it with an explanation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.capacity import MeasuredCapacity, measure_capacity
from kindgate.pipeline.evaluation import MeasuredJudgement, measure_and_judge
from kindgate.plugin.inconclusive import apply_policy
from kindgate.settings import SloSettings
from kindgate.slo.each import thresholds_of_route
from kindgate.slo.judge import combined
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives

Record = Callable[[MeasuredJudgement | MeasuredCapacity], object]


class Slo:
    """The objectives of one test; bursts are shared with every other test that judges the same load."""

    def __init__(self, objectives: Objectives, burst_series: BurstSeries, settings: SloSettings, record: Record) -> None:
        self.objectives = objectives
        self._burst_series = burst_series
        self._settings = settings
        self._record = record

    def judge(self, *, route: str = "") -> Judgement:
        """Measure until the objectives are decided, and return the verdicts with their evidence.

        With `route`, only the objectives whose tag `route` names it are judged, from the same bursts. Raises `SloError` if
        the test has no objective, or none for that route.
        """
        if not self.objectives.thresholds:
            raise SloError("this test has no objective", next_step="add one to the SLO file or @pytest.mark.slo(...)")
        thresholds = thresholds_of_route(self.objectives.thresholds, route) if route else self.objectives.thresholds
        objectives = replace(self.objectives, thresholds=thresholds)
        steady = replace(objectives, thresholds=objectives.steady)
        count, quick = objectives.bursts.count or self._settings.bursts, self._settings.quick
        judgements: list[Judgement] = []
        if steady.thresholds:
            measured = measure_and_judge(steady, self._burst_series, count, quick=quick)
            judgements.append(self._recorded(measured))
        for capacity in objectives.capacities:
            if not any(judgement.abort for judgement in judgements):
                judgements.append(self._recorded(measure_capacity(capacity, self._burst_series, count, quick=quick)))
        return combined(judgements)

    def _recorded(self, result: MeasuredJudgement | MeasuredCapacity) -> Judgement:
        self._record(result)
        return result.judgement

    def check(self, *, route: str = "") -> Judgement:
        """Judge, and fail the test if an objective is missed or the measurement is invalid; `route` is as for `judge`.

        An inconclusive objective warns, fails or passes according to --slo-inconclusive.
        """
        judgement = self.judge(route=route)
        explanations = (result.explanation for result in judgement.results if result.verdict is not Verdict.PASS)
        apply_policy(judgement.verdict, explanations, self._settings)
        return judgement
