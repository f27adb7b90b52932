"""What a run without pytest does to compare two versions."""

from __future__ import annotations

from kindgate.pipeline.comparing import measure_and_compare, pairs_per_look, resources_of_both
from kindgate.pipeline.duet import comparison_campaign
from kindgate.pipeline.lease import lease_of_run
from kindgate.pipeline.measuring import burst_line, look_line
from kindgate.pipeline.objectives import read_objectives
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Stage
from kindgate.report.build import Measurement


def judge_comparison(pipeline: Pipeline, measurements: list[Measurement]) -> None:
    """Compare the application with its base version as the SLO file says, and sum up what both used meanwhile.

    Raises `SloError` where the file has nothing to compare.
    """
    settings = pipeline.settings
    objectives = read_objectives(settings)
    standing = pipeline.reach(Stage.MONITORING)
    campaign = comparison_campaign(settings, objectives, standing, lease_of_run(pipeline.run_id))
    with pipeline.log.phase("compare with the base version"):
        compared = measure_and_compare(
            objectives,
            campaign,
            pairs_per_look(objectives, settings.slo),
            placement=standing.placement,
            on_burst=burst_line(pipeline.log),
            on_look=look_line(pipeline.log),
        )
    with pipeline.log.phase("sum up what both versions used"):
        used = resources_of_both(standing, compared.bursts)
    measurements.append(Measurement("comparison", comparison=compared.comparison, resources=used))
