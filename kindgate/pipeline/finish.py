"""The end of a run: what was found becomes a report, its pages, a job summary and a comment."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from kindgate import __version__
from kindgate.errors import GitHubError
from kindgate.load.result import BurstResult
from kindgate.pipeline.announcing import announce, read_origin
from kindgate.pipeline.pages import write_pages
from kindgate.pipeline.secrecy import redacted, redactor_of
from kindgate.pipeline.session import Pipeline
from kindgate.report.build import Measurement, build_report, setup_error_record
from kindgate.report.record import LINE_LIMIT, shortened
from kindgate.report.run import Artifact, Environment, FailureBundle, Run, TestResult
from kindgate.report.terminal import terminal_lines


@dataclass(frozen=True)
class Finished:
    """What the terminal shows at the end, and the error of a comment that was required and is not there.

    `annotations` are workflow commands for GitHub's runner, empty elsewhere; `lines` may hold text of others.
    """

    lines: tuple[str, ...]
    annotations: tuple[str, ...]
    comment_error: GitHubError | None


def finish(
    pipeline: Pipeline,
    *,
    measurements: Sequence[Measurement],
    tests: Sequence[TestResult],
    exit_code: int,
    interrupted: bool,
) -> Finished:
    """Write every artifact of the run, and tell the pull request.

    A page that cannot be written is one line of the answer, and loses nothing of the others.
    """
    settings = pipeline.settings
    origin = read_origin(settings, os.environ)
    bursts = collect_bursts(pipeline.measurements)
    report = build_report(
        Run(id=pipeline.run_id, started=pipeline.log.started, seconds=time.time() - pipeline.log.started, command=_command()),
        exit_code=exit_code,
        interrupted=interrupted,
        address=pipeline.address,
        environment=environment(pipeline),
        setup_error=setup_error_record(pipeline.error, _failed_phase(pipeline)) if pipeline.error is not None else None,
        pull_request=origin.record,
        gate_changes=origin.changes,
        phases=pipeline.log.phases,
        measurements=[Measurement("load", bursts=bursts), *measurements],
        tests=tuple(tests),
        failures=(*pipeline.bundles, *bundles_of(tests)),
        artifacts=(Artifact(name="report", path="report.html"), Artifact(name="JUnit", path="junit.xml")),
        links=origin.links,
        notes=(*pipeline.notes, *origin.notes),
    )
    report = redacted(report, redactor_of(pipeline, os.environ))
    lines = terminal_lines(report)
    lines += write_pages(report, pipeline.artifacts)
    lines += keep_bursts(pipeline.measurements, pipeline.artifacts / "bursts")
    announced = announce(report, settings.github, settings.root, os.environ, lines.append)
    return Finished(tuple(lines), announced.annotations, announced.comment_error)


def bundles_of(tests: Iterable[TestResult]) -> tuple[FailureBundle, ...]:
    """The folders of evidence that tests name."""
    return tuple(FailureBundle(name=test.node_id, path=test.bundle, cause=test.cause) for test in tests if test.bundle)


def collect_bursts(folder: Path) -> tuple[BurstResult, ...]:
    """Every burst that any process of the run measured, by the time it began."""
    results = [BurstResult.from_json(json.loads(file.read_text())) for file in folder.rglob("[bs]*.json")]
    return tuple(sorted(results, key=lambda result: result.window.start))


def keep_bursts(measurements: Path, folder: Path) -> list[str]:
    """Move the measured bursts among the artifacts; returns a line only when that fails."""
    if not measurements.is_dir():
        return []
    try:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(measurements, folder)
        shutil.rmtree(measurements)
    except OSError as error:
        return [f"could not keep the bursts in {folder}: {error}"]
    return []


def environment(pipeline: Pipeline) -> Environment:
    """The machine that the figures speak for."""
    supply = pipeline.prepared.supply if pipeline.prepared is not None else None
    return Environment(
        os=platform.platform(terse=True),
        cpu_model=_cpu_model(),
        cpus=psutil.cpu_count() or 0,
        memory=psutil.virtual_memory().total,
        engine=f"{supply.engine.program} {supply.engine.version}" if supply is not None else "",
        versions={"kindgate": __version__, "python": platform.python_version()},
    )


def _cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _command() -> str:
    """The command that repeats the run elsewhere: the program by its name, not by its path here."""
    program = Path(sys.argv[0])
    name = "pytest" if "pytest" in {program.parent.name, program.name} or program.stem == "py.test" else program.name
    return shortened(shlex.join([name, *sys.argv[1:]]), LINE_LIMIT)


def _failed_phase(pipeline: Pipeline) -> str:
    """The phase that the pipeline's error belongs to: the last one that failed."""
    return next((phase.name for phase in reversed(pipeline.log.phases) if not phase.ok), "prepare")
