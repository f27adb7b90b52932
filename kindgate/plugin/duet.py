"""The `duet` fixture: the application against its baseline, both in one cluster under the same load."""

from __future__ import annotations

import time

import pytest

from kindgate.model import Verdict
from kindgate.pipeline.answer_samples import answers_comparison
from kindgate.pipeline.burst_conversion import burst_record
from kindgate.pipeline.burst_series import BurstSeries
from kindgate.pipeline.comparison import MeasuredComparison, measure_and_compare, pairs_per_look, resources_of_both
from kindgate.pipeline.ended_containers import ended_containers
from kindgate.pipeline.environment import MonitoredApplication, VersionSwap
from kindgate.pipeline.judged_series import comparison_series
from kindgate.pipeline.report_builder import Measurement
from kindgate.plugin.inconclusive import apply_policy
from kindgate.plugin.item_objectives import slo_file_of
from kindgate.plugin.provisioning_access import load_lock_of, provider_of, swap_versions
from kindgate.plugin.session_state import REDEPLOYED, SETTINGS
from kindgate.report.answer_records import answers_records
from kindgate.report.junit_properties import answers_properties, comparison_properties, load_properties
from kindgate.report.verdict_rows import comparison_records
from kindgate.settings import SloSettings
from kindgate.slo.compare import Comparison
from kindgate.slo.objectives import Objectives


class Duet:
    """The comparison of one test; bursts are shared with other tests of the run."""

    def __init__(
        self, item: pytest.Item, objectives: Objectives, burst_series: BurstSeries, settings: SloSettings, monitored: MonitoredApplication
    ) -> None:
        self.objectives = objectives
        self._item = item
        self._burst_series = burst_series
        self._settings = settings
        self._monitored = monitored

    def compare(self, *, route: str = "") -> Comparison:
        """Measure until every tolerance of the SLO file is decided and confirmed, and return the verdicts with their evidence.

        With `route`, only the tolerances whose tag `route` names it are judged, from the same bursts; `each: route` makes one
        for every route. Raises `SloError` if there is none.
        """
        pairs = pairs_per_look(self.objectives, self._settings)
        measured = measure_and_compare(
            self.objectives,
            self._burst_series,
            pairs,
            self._swap_versions,
            route=route,
            quick=self._settings.quick,
            placement=self._monitored.application.placement,
            compare_answers=answers_comparison(self.objectives, self._monitored.application),
        )
        self._record(measured)
        return measured.comparison

    def check(self, *, route: str = "") -> Comparison:
        """Compare, and fail the test if this version is slower than tolerated or the measurement is invalid.

        `route` is as for `compare`.
        An inconclusive comparison warns, fails or passes according to --slo-inconclusive.
        """
        comparison = self.compare(route=route)
        explanations = (explanation for verdict, explanation in comparison.explanations if verdict is not Verdict.PASS)
        apply_policy(comparison.verdict, explanations, self._settings)
        return comparison

    def _swap_versions(self) -> VersionSwap:
        swap = swap_versions(self._item.config)
        self._item.stash[REDEPLOYED] = time.time()
        return swap

    def _record(self, measured: MeasuredComparison) -> None:
        used = resources_of_both(self._monitored, measured.shown)
        bursts = [burst_record(str(number), result) for number, result in enumerate((*measured.bursts, *measured.confirmation), 1)]
        self._item.user_properties += [*comparison_properties(comparison_records(measured.comparison))]
        self._item.user_properties += [*answers_properties(answers_records(measured.comparison)), *load_properties(bursts)]
        ended = ended_containers(measured.comparison, measured.shown, self._monitored.application, self._item.nodeid)
        measurement = Measurement(
            self._item.nodeid, comparison=measured.comparison, origin=measured.origin, resources=used, ended_containers=ended
        )
        provider_of(self._item.config).record(measurement)


def duet_of(item: pytest.Item, monitored: MonitoredApplication) -> Duet:
    """The comparison that the SLO file requires, between the two deployed versions."""
    settings = item.config.stash[SETTINGS]
    objectives = slo_file_of(item.config).objectives
    burst_series = comparison_series(settings, objectives, monitored.application, load_lock_of(item.config))
    return Duet(item, objectives, burst_series, settings.slo, monitored)
