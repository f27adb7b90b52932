"""End of a run: turn the results into a report, its pages, a job summary and a comment."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from kindgate.errors import GitHubError
from kindgate.host.paths import state_dir
from kindgate.load.result import BurstResult
from kindgate.pipeline.burst_samples import burst_sample
from kindgate.pipeline.burst_series import CAPACITY_FOLDER
from kindgate.pipeline.notify import notify, read_origin
from kindgate.pipeline.pages import write_pages
from kindgate.pipeline.phases import rerun_command
from kindgate.pipeline.provisioner import Pipeline
from kindgate.pipeline.redaction import redacted, redacted_burst, redactor_of, unredacted_note
from kindgate.pipeline.report_builder import Measurement, build_report, setup_error_record
from kindgate.redaction.redactor import Redactor
from kindgate.report.frozen_record import LINE_LIMIT, NAME_LIMIT
from kindgate.report.html import summary_fragment
from kindgate.report.markdown_escape import shortened
from kindgate.report.plain_text import terminal_lines
from kindgate.report.run_report import BUNDLE_FILES, Artifact, FailureBundle, Run, RunEnvironment, RunReport, TestResult
from kindgate.version import __version__


@dataclass(frozen=True)
class WrittenArtifacts:
    """The report, lines about its artifacts, and whether all of them were written to the requested place."""

    report: RunReport
    lines: tuple[str, ...]
    complete: bool


@dataclass(frozen=True)
class Finished:
    """The final terminal output, the error of a required comment that was not posted, and whether all artifacts were written.

    `annotations` are workflow commands for GitHub's runner, empty elsewhere; `lines` can contain untrusted text.
    """

    lines: tuple[str, ...]
    annotations: tuple[str, ...]
    comment_error: GitHubError | None
    complete: bool


def finish(
    pipeline: Pipeline,
    *,
    measurements: Sequence[Measurement],
    tests: Sequence[TestResult],
    exit_code: int,
    interrupted: bool,
) -> Finished:
    """Write every artifact of the run, and notify the pull request."""
    written = write_artifacts(pipeline, measurements=measurements, tests=tests, exit_code=exit_code, interrupted=interrupted)
    return publish(pipeline, written)


def write_artifacts(
    pipeline: Pipeline,
    *,
    measurements: Sequence[Measurement],
    tests: Sequence[TestResult],
    exit_code: int,
    interrupted: bool,
    deselected: int = 0,
    quick: bool = False,
) -> WrittenArtifacts:
    """Write all artifacts from the results so far; can be repeated when there are more.

    A page that cannot be written is reported as a line and does not affect the others. `quick` is for a run that can be
    killed at any moment: it leaves the HTML page for later.
    """
    report = report_of(
        pipeline, measurements=measurements, tests=tests, exit_code=exit_code, interrupted=interrupted, deselected=deselected
    )
    pages = write_pages(report, pipeline.artifacts, rescue_folder(pipeline.run_id), quick=quick)
    copy_errors = copy_bursts(pipeline.measurements, pipeline.artifacts / "bursts", redactor_of(pipeline, os.environ))
    return WrittenArtifacts(report, (*pages.lines, *copy_errors), pages.complete and not copy_errors)


def linked_summary(
    pipeline: Pipeline,
    page: Path,
    *,
    measurements: Sequence[Measurement],
    tests: Sequence[TestResult],
    exit_code: int,
    interrupted: bool,
) -> str:
    """A short HTML summary of the run for `page` of another tool, with a link to report.html."""
    report = report_of(pipeline, measurements=measurements, tests=tests, exit_code=exit_code, interrupted=interrupted)
    return summary_fragment(report, quote(Path(os.path.relpath(pipeline.artifacts / "report.html", page.parent)).as_posix()))


def report_of(
    pipeline: Pipeline,
    *,
    measurements: Sequence[Measurement],
    tests: Sequence[TestResult],
    exit_code: int,
    interrupted: bool,
    deselected: int = 0,
) -> RunReport:
    """The report of all results so far, without known secrets."""
    origin = read_origin(pipeline.settings, os.environ)
    by_file = bursts_by_file(pipeline.measurements)
    bursts = tuple(result for file, result in by_file if CAPACITY_FOLDER not in file.relative_to(pipeline.measurements).parts)
    redactor = redactor_of(pipeline, os.environ)
    report = build_report(
        Run(
            id=pipeline.run_id,
            started=pipeline.log.started,
            seconds=pipeline.log.seconds,
            command=shortened(redactor.text(rerun_command()), LINE_LIMIT),
        ),
        exit_code=exit_code,
        interrupted=interrupted,
        address=pipeline.address,
        environment=run_environment(pipeline),
        setup_error=setup_error_record(pipeline.error, _failed_phase(pipeline), redactor.text) if pipeline.error is not None else None,
        pull_request=origin.record,
        gate_changes=origin.changes,
        phases=pipeline.log.phases,
        measurements=[Measurement("load", bursts=bursts), *measurements],
        samples=(burst_sample(result) for _, result in by_file),
        tests=tuple(tests),
        deselected=deselected,
        workload=_workload_file(pipeline),
        failures=(*pipeline.bundles, *bundles_of(tests, pipeline.artifacts)),
        artifacts=(Artifact(name="report", path="report.html"), Artifact(name="JUnit", path="junit.xml")),
        links=origin.links,
        notes=map(redactor.text, (*pipeline.notes, *origin.notes, *unredacted_note(redactor))),
    )
    return redacted(report, redactor)


def publish(pipeline: Pipeline, written: WrittenArtifacts) -> Finished:
    """Write the job summary and the pull request's comment; return the terminal output."""
    settings = pipeline.settings
    lines = [*terminal_lines(written.report), *written.lines]
    notification = notify(written.report, settings.github, settings.root, os.environ, lines.append)
    return Finished(tuple(lines), notification.annotations, notification.comment_error, written.complete)


def rescue_folder(run_id: str) -> Path:
    """Fallback folder for pages that cannot be written to the artifacts."""
    return state_dir() / "rescued" / run_id


def bundles_of(tests: Iterable[TestResult], artifacts: Path) -> tuple[FailureBundle, ...]:
    """The evidence folders named by tests, with their files."""
    return tuple(
        FailureBundle(name=test.node_id, path=test.bundle, cause=test.cause, files=files_of(artifacts, test.bundle))
        for test in tests
        if test.bundle
    )


def files_of(artifacts: Path, folder: str) -> tuple[str, ...]:
    """The files in an artifacts folder, up to the number and name length that a report can hold."""
    names = sorted(file.relative_to(artifacts).as_posix() for file in (artifacts / folder).rglob("*") if file.is_file())
    return tuple(name for name in names if len(name) <= NAME_LIMIT)[:BUNDLE_FILES]


def collect_bursts(folder: Path) -> tuple[BurstResult, ...]:
    """Every burst measured by any process of the run, including interrupted ones, by start time."""
    return tuple(result for _, result in bursts_by_file(folder))


def bursts_by_file(folder: Path) -> list[tuple[Path, BurstResult]]:
    """The same, each with its file."""
    results = [(file, BurstResult.from_json(json.loads(file.read_text()))) for file in folder.rglob("[!.]*.json")]
    return sorted(results, key=lambda pair: pair[1].window.start)


def copy_bursts(measurements: Path, folder: Path, redactor: Redactor) -> list[str]:
    """Copy the measured bursts to the artifacts, without secrets; returns a line only if that fails."""
    if not measurements.is_dir():
        return []
    try:
        shutil.rmtree(folder, ignore_errors=True)
        for file in sorted(measurements.rglob("[!.]*.json")):
            copy = folder / file.relative_to(measurements)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(json.dumps(redacted_burst(json.loads(file.read_text()), redactor)))
    except OSError as error:
        return [f"could not keep the bursts in {folder}: {error}"]
    return []


def run_environment(pipeline: Pipeline) -> RunEnvironment:
    """The machine and versions that the figures are valid for."""
    supply = pipeline.inputs.supply if pipeline.inputs is not None else None
    return RunEnvironment(
        os=platform.platform(terse=True),
        cpu_model=_cpu_model(),
        cpus=psutil.cpu_count() or 0,
        memory=psutil.virtual_memory().total,
        engine=f"{supply.engine.program} {supply.engine.version}" if supply is not None else "",
        versions={"kindgate": __version__, "python": platform.python_version()},
    )


def _workload_file(pipeline: Pipeline) -> str:
    """The file that describes the run's load; empty if the manifests' own paths are requested."""
    return str(pipeline.settings.slo.file) if pipeline.inputs is not None and pipeline.inputs.workload is not None else ""


def _cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _failed_phase(pipeline: Pipeline) -> str:
    """The phase of the pipeline's error: the last one that failed."""
    return next((phase.name for phase in reversed(pipeline.log.phases) if not phase.ok), "prepare")
