"""A full run without pytest: create, deploy, judge the SLO file's objectives or compare with the baseline, report, delete."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from kindgate.cluster.run_folder import remove_run_folder
from kindgate.credentials import without_credentials
from kindgate.errors import HostError, KindgateError, NoVerdict, VerdictFailed, VerdictInvalid
from kindgate.github.workflow_commands import in_ci
from kindgate.load.result import BurstResult
from kindgate.model import Verdict, Window
from kindgate.observe.prometheus_client import prometheus_in_cluster
from kindgate.observe.resource_summary import resource_summary
from kindgate.pipeline.answer_samples import answers_comparison
from kindgate.pipeline.capacity import capacity_measurement, measure_capacity, trial_line
from kindgate.pipeline.comparison import measure_and_compare, pairs_per_look, resources_of_both
from kindgate.pipeline.ended_containers import ended_containers
from kindgate.pipeline.environment import DeployedApplication, MonitoredApplication
from kindgate.pipeline.evaluation import MeasuredJudgement, burst_line, confirmation_line, look_line, measure_and_judge
from kindgate.pipeline.finish import finish
from kindgate.pipeline.judged_series import comparison_series, objectives_series
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.pipeline.provisioner import Pipeline
from kindgate.pipeline.report_builder import Measurement
from kindgate.pipeline.run_objectives import refuse_too_small_plan
from kindgate.progress import Progress
from kindgate.report.decision import Effect, effect_of
from kindgate.settings import Settings
from kindgate.slo.judge import overall
from kindgate.waiting import Deadline

RESOURCE_SECONDS = 60.0


@dataclass(frozen=True)
class FullRun:
    """The end of a run: its exit code, and workflow commands that GitHub's runner must read."""

    exit_code: int
    annotations: tuple[str, ...]


Measure = Callable[[Pipeline, list[Measurement]], object]
"""Brings the pipeline to the stage it needs, and appends its measurements."""


def run_everything(settings: Settings, progress: Progress, show: Callable[[str], object], measure: Measure | None = None) -> FullRun:
    """Run everything once; `show` receives each line of the final output, which can contain untrusted text.

    `measure` is the purpose of the run, by default everything in the SLO file. The report is written and the cluster
    closed whatever happens in between; the exit code tells the outcome.
    """
    pipeline = Pipeline(settings, new_run_id(), progress)
    measurements: list[Measurement] = []
    error: KindgateError | None = None
    interrupted = False
    try:
        (measure or judge_everything)(pipeline, measurements)
        error = _verdict_error(settings, measurements)
    except KindgateError as raised:
        error = raised
    except KeyboardInterrupt:
        interrupted = True
    code = 130 if interrupted else error.exit_code if error is not None else _exit_code_without_error(settings, measurements)
    try:
        finished = finish(pipeline, measurements=measurements, tests=(), exit_code=code, interrupted=interrupted)
        annotations = finished.annotations
        for line in finished.lines:
            _show_line(show, line)
        if code == 0 and not finished.complete:
            code = HostError.exit_code
        if finished.comment_error is not None and code == 0:
            code = finished.comment_error.exit_code
    finally:
        for line in pipeline.cleanup.close(failed=code != 0):
            _show_line(show, line)
        remove_run_folder(pipeline.cleanup.folder)
    if error is not None:
        _show_line(show, f"kindgate: {error}")
    return FullRun(code, annotations)


def judge_everything(pipeline: Pipeline, measurements: list[Measurement]) -> None:
    """Judge the file's thresholds, and compare with the baseline if one is set.

    Raises `SloError`, before anything is created, for an objective that the planned load could not decide.
    """
    refuse_too_small_plan(pipeline.slo_file, pipeline.settings)
    judge_objectives(pipeline, measurements)
    if pipeline.settings.slo.compares:
        judge_comparison(pipeline, measurements)


def judge_objectives(pipeline: Pipeline, measurements: list[Measurement]) -> None:
    """Judge the file's thresholds and sum up the application's resource usage; without thresholds, only deploy it."""
    settings = pipeline.settings
    objectives = pipeline.objectives
    monitored = pipeline.environment_at(MonitoredApplication)
    application = monitored.application
    if not objectives.thresholds:
        return
    burst_series = objectives_series(settings.load, objectives, application, load_lock_of_run(pipeline.run_id))
    count, log, quick = objectives.bursts.count or settings.slo.bursts, pipeline.log, settings.slo.quick
    with log.phase("judge the objectives"):
        steady = replace(objectives, thresholds=objectives.steady)
        measured = measure_and_judge(steady, burst_series, count, quick=quick, on_burst=burst_line(log), on_look=look_line(log))
    ended = ended_containers(measured.judgement, measured.bursts, application, "objectives")
    measurements.append(Measurement("objectives", judgement=measured.judgement, origin=measured.origin, ended_containers=ended))
    if monitored.has_prometheus:
        measurements.append(_resources(application, measured))
    for capacity in () if measured.judgement.abort else objectives.capacities:
        with log.phase("find the capacity"):
            found = measure_capacity(
                capacity,
                burst_series,
                count,
                quick=quick,
                on_burst=burst_line(log),
                on_look=look_line(log),
                on_trial=trial_line(log),
            )
        measurements.append(capacity_measurement(found, application, settings.slo, "objectives"))


def judge_comparison(pipeline: Pipeline, measurements: list[Measurement]) -> None:
    """Compare the application with its baseline as the SLO file specifies, and sum up the resources used by both.

    Raises `SloError`, before anything is created, if the file has nothing to compare, or too few bursts are planned to
    decide it.
    """
    settings = pipeline.settings
    objectives = pipeline.objectives
    refuse_too_small_plan(replace(pipeline.slo_file, objectives=replace(objectives, thresholds=())), settings)
    monitored = pipeline.environment_at(MonitoredApplication)
    burst_series = comparison_series(settings, objectives, monitored.application, load_lock_of_run(pipeline.run_id))
    with pipeline.log.phase("compare with the baseline"):
        measured = measure_and_compare(
            objectives,
            burst_series,
            pairs_per_look(objectives, settings.slo),
            pipeline.swap_versions,
            quick=settings.slo.quick,
            placement=monitored.application.placement,
            on_burst=burst_line(pipeline.log),
            on_look=look_line(pipeline.log),
            on_confirmation=confirmation_line(pipeline.log),
            on_advice=lambda line: pipeline.log.report(f"note: {line}"),
            compare_answers=answers_comparison(objectives, monitored.application),
        )
    with pipeline.log.phase("summarize the resources of both versions"):
        used = resources_of_both(monitored, measured.shown)
    ended = ended_containers(measured.comparison, measured.shown, monitored.application, "comparison")
    measurements.append(
        Measurement("comparison", comparison=measured.comparison, origin=measured.origin, resources=used, ended_containers=ended)
    )


def _resources(application: DeployedApplication, measured: MeasuredJudgement) -> Measurement:
    window = _window(measured.bursts)
    rendered = application.rendered
    with prometheus_in_cluster(application.address) as client:
        summary = resource_summary(client, window, rendered.namespaces, rendered, Deadline.after(RESOURCE_SECONDS))
    return Measurement("load", resources=(summary,))


def _window(bursts: tuple[BurstResult, ...]) -> Window:
    return Window(bursts[0].window.start, bursts[-1].window.end)


def _show_line(show: Callable[[str], object], line: str) -> None:
    """Show a line without credentials; everything is already written, so a broken output is ignored."""
    with suppress(OSError):
        show(without_credentials(line))


def _exit_code_without_error(settings: Settings, measurements: Sequence[Measurement]) -> int:
    """0, except for a run in CI that judged nothing, for example because the SLO file has no objectives."""
    judged = any(one.judgement or one.comparison for one in measurements)
    return 0 if judged or settings.report.allow_no_verdict or not in_ci(os.environ) else NoVerdict.exit_code


def _verdict_error(settings: Settings, measurements: list[Measurement]) -> KindgateError | None:
    """The error for the run's overall verdict, with the sentences that explain it; None if the run does not fail."""
    verdicts = [one for measurement in measurements for one in (measurement.judgement, measurement.comparison) if one is not None]
    verdict = overall(one.verdict for one in verdicts)
    explanations = "; ".join(explanation for one in verdicts for its_verdict, explanation in one.explanations if its_verdict is verdict)
    if effect_of(verdict, settings.slo.inconclusive) is not Effect.FAIL:
        return None
    return VerdictInvalid(explanations) if verdict is Verdict.INVALID else VerdictFailed(explanations)
