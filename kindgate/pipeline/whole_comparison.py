"""Compare two versions in a run without pytest."""

from __future__ import annotations

from dataclasses import replace

from kindgate.pipeline.comparing import measure_and_compare, pairs_per_look, resources_of_both
from kindgate.pipeline.duet import comparison_campaign
from kindgate.pipeline.lease import lease_of_run
from kindgate.pipeline.measuring import burst_line, confirmation_line, look_line
from kindgate.pipeline.objectives import read_objectives, refuse_too_small_plan
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Stage
from kindgate.report.build import Measurement


def judge_comparison(pipeline: Pipeline, measurements: list[Measurement]) -> None:
    """Compare the application with its baseline as the SLO file specifies, and sum up the resources used by both.

    Raises `SloError`, before anything is created, if the file has nothing to compare, or too few bursts are planned to
    decide it.
    """
    settings = pipeline.settings
    objectives = read_objectives(settings)
    refuse_too_small_plan(replace(objectives, thresholds=()), settings)
    standing = pipeline.reach(Stage.MONITORING)
    campaign = comparison_campaign(settings, objectives, standing, lease_of_run(pipeline.run_id))
    with pipeline.log.phase("compare with the base version"):
        compared = measure_and_compare(
            objectives,
            campaign,
            pairs_per_look(objectives, settings.slo),
            pipeline.exchange,
            quick=settings.slo.quick,
            placement=standing.placement,
            on_burst=burst_line(pipeline.log),
            on_look=look_line(pipeline.log),
            on_confirmation=confirmation_line(pipeline.log),
        )
    with pipeline.log.phase("summarize the resources of both versions"):
        used = resources_of_both(standing, compared.shown)
    measurements.append(Measurement("comparison", comparison=compared.comparison, origin=compared.origin, resources=used))
