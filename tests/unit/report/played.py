"""Reports of runs that judged episodes, as the pipeline builds them."""

from __future__ import annotations

from typing import Any

from kindgate.model import Verdict
from kindgate.pipeline.report_builder import Measurement, build_report
from kindgate.report.judged_scenarios import JudgedEpisodes
from kindgate.report.run_report import Run, RunReport, TestResult
from kindgate.slo.episode import Episode
from kindgate.slo.episode_confirm import confirm_episodes
from kindgate.slo.episode_judge import judge_scenario
from kindgate.slo.objectives import Objectives
from kindgate.slo.slo_file import parse_document

TEST = "tests/e2e/scenarios/test_rollout.py::test_restart"


def objectives(*lines: str, scenario: str = "rollout") -> Objectives:
    """Return the objectives of a scenario, each written as `selector: expression`, with an error budget of 1 %."""
    section = "".join(f"    {line.rpartition(': ')[0]}: ['{line.rpartition(': ')[2]}']\n" for line in lines)
    return parse_document(f"thresholds: {{http_req_failed: ['rate<0.01']}}\nscenarios:\n  {scenario}:\n{section}")


def judged(*episodes: Episode, by: Objectives | None = None, own: bool = False) -> JudgedEpisodes:
    """Return episodes with the judgement by these objectives, or by the default."""
    return JudgedEpisodes(episodes, judge_scenario(by or Objectives(), *episodes), own)


def repeated(first: Episode, again: Episode, *, by: Objectives | None = None) -> JudgedEpisodes:
    """Return an episode with its repetition, and the judgement about both by these objectives, or by the default."""
    judgement = confirm_episodes(judge_scenario(by or Objectives(), first), [first], [again])
    return JudgedEpisodes((first,), judgement, repetition=(again,))


def played_run(*entries: JudgedEpisodes, **changes: Any) -> RunReport:
    """Return the report of a run in which one test judged all `entries`."""
    failed = any(entry.judgement.verdict is not Verdict.PASS for entry in entries)
    test = TestResult(node_id=TEST, outcome="failed" if failed else "passed", seconds=40.0)
    report = build_report(
        Run(id="1", started=1_790_000_000.0, seconds=100.0),
        exit_code=1 if failed else 0,
        measurements=[Measurement(TEST, scenarios=entries)],
        tests=(test,),
    )
    return report.model_copy(update=changes)
