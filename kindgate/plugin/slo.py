"""The `slo` fixture: judge a test's objectives, and fail it with an explanation."""

from __future__ import annotations

from collections.abc import Callable

from kindgate.errors import SloError
from kindgate.model import Verdict
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.evaluation import MeasuredJudgement, measure_and_judge
from kindgate.plugin.inconclusive import apply_policy
from kindgate.settings import SloSettings
from kindgate.slo.judgement import Judgement
from kindgate.slo.objectives import Objectives

Record = Callable[[MeasuredJudgement], object]


class Slo:
    """The objectives of one test; bursts are shared with every other test that judges the same load."""

    def __init__(self, objectives: Objectives, burst_series: BurstSeries, settings: SloSettings, record: Record) -> None:
        self.objectives = objectives
        self._burst_series = burst_series
        self._settings = settings
        self._record = record

    def judge(self) -> Judgement:
        """Measure until the objectives are decided, and return the verdicts with their evidence.

        Raises `SloError` if the test has no objective.
        """
        if not self.objectives.thresholds:
            raise SloError("this test has no objective", next_step="add one to the SLO file or @pytest.mark.slo(...)")
        count = self.objectives.bursts.count or self._settings.bursts
        measured = measure_and_judge(self.objectives, self._burst_series, count, quick=self._settings.quick)
        self._record(measured)
        return measured.judgement

    def check(self) -> Judgement:
        """Judge, and fail the test if an objective is missed or the measurement is invalid.

        An inconclusive objective warns, fails or passes according to --slo-inconclusive.
        """
        judgement = self.judge()
        explanations = (result.explanation for result in judgement.results if result.verdict is not Verdict.PASS)
        apply_policy(judgement.verdict, explanations, self._settings)
        return judgement
