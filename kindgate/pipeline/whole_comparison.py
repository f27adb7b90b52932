"""What a run without pytest does to compare two versions: `run_whole` calls it, and ends with what it raises."""

from __future__ import annotations

from kindgate.errors import SloError, VerdictFailed, VerdictInvalid
from kindgate.model import Verdict
from kindgate.pipeline.comparing import bursts_per_look, measure_and_compare, resources_of_both
from kindgate.pipeline.duet import comparison_campaign
from kindgate.pipeline.lease import lease_of_run
from kindgate.pipeline.objectives import read_objectives
from kindgate.pipeline.session import Pipeline
from kindgate.pipeline.stages import Stage
from kindgate.report.build import Measurement


def judge_comparison(pipeline: Pipeline, measurements: list[Measurement]) -> None:
    """Compare the application with its base version as the SLO file says, and sum up what both used meanwhile.

    Raises `VerdictFailed` and `VerdictInvalid` with the sentences that explain why, and `SloError` where the file has
    nothing to compare.
    """
    settings = pipeline.settings
    objectives = read_objectives(settings)
    if not objectives.compare:
        raise SloError(f"{settings.slo.file} has nothing to compare", next_step="write compare: {p(95): {max_regression: 25%}}")
    standing = pipeline.reach(Stage.MONITORING)
    campaign = comparison_campaign(settings, objectives, standing, lease_of_run(pipeline.run_id))
    with pipeline.log.phase("compare with the base version"):
        compared = measure_and_compare(objectives, campaign, bursts_per_look(objectives, settings.slo))
    used = resources_of_both(standing, compared.bursts)
    measurements.append(Measurement("comparison", comparison=compared.comparison, resources=used))
    verdict = compared.comparison.verdict
    told = "; ".join(result.explanation for result in compared.comparison.results if result.verdict is verdict)
    if verdict is Verdict.INVALID:
        raise VerdictInvalid(told)
    if verdict is Verdict.FAIL or (verdict is Verdict.INCONCLUSIVE and settings.slo.inconclusive == "fail"):
        raise VerdictFailed(told)
