"""What a finished run has uploaded: its reports, downloaded and checked, and why a leg has none that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kindgate.errors import GitHubRefused, PublishRefused
from kindgate.github.api import Api
from kindgate.github.artifact import ARCHIVE_LIMIT, download, read_report
from kindgate.github.bounded import retried
from kindgate.github.confined import confined
from kindgate.github.legs import Named, newest_of_each_leg
from kindgate.github.replies import ArtifactInfo, WorkflowRun
from kindgate.report.run import RunReport
from kindgate.waiting import Deadline

ARTIFACTS_LIMIT = 300
"""Artifacts of a run, of all its attempts, that are looked at."""

LEGS_LIMIT = 20


@dataclass(frozen=True)
class Uploads:
    """The reports by leg, each with the attempt that its artifact names; `problems` say by leg why there is none to read."""

    reports: dict[str, Named[RunReport]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    """Why nothing was read at all; empty when the artifacts were looked at."""


def read_uploads(api: Api, run: WorkflowRun, token: str, deadline: Deadline) -> Uploads:
    """What the run has uploaded. What cannot be read is a problem and no error, so that it can be reported.

    Raises `GitHubError` and `WaitTimeout` where GitHub cannot be asked.
    """
    try:
        artifacts = retried("the run's artifacts", lambda: api.artifacts(run.id, at_most=ARTIFACTS_LIMIT), deadline)
        chosen = choose(run, artifacts)
    except PublishRefused as error:
        return Uploads(refusal=error.message)
    reports: dict[str, Named[RunReport]] = {}
    problems: dict[str, str] = {}
    for found in chosen:
        problem = problem_of(run, found)
        if not problem:
            try:
                reports[found.leg] = Named(found.leg, found.attempt, _report_of(found.value, token, deadline))
            except (PublishRefused, GitHubRefused) as error:
                problem = error.message
        if problem:
            problems[found.leg] = problem
    return Uploads(reports, problems)


def choose(run: WorkflowRun, artifacts: Sequence[ArtifactInfo]) -> list[Named[ArtifactInfo]]:
    """The newest report of each leg. Raises `PublishRefused` for too many legs."""
    chosen = newest_of_each_leg((artifact.name, artifact) for artifact in artifacts)
    if len(chosen) > LEGS_LIMIT:
        raise PublishRefused(f"run {run.id} has reports from {len(chosen)} legs, more than {LEGS_LIMIT}")
    return chosen


def problem_of(run: WorkflowRun, found: Named[ArtifactInfo]) -> str:
    """Why a listed artifact is not worth downloading; empty when it is."""
    if found.attempt > run.attempt:
        return f"artifact {found.value.name} claims an attempt that run {run.id} has not had"
    if found.value.size > ARCHIVE_LIMIT:
        return f"artifact {found.value.name} has {found.value.size} bytes, more than {ARCHIVE_LIMIT}"
    if found.value.expired:
        return f"artifact {found.value.name} has expired"
    return ""


def _report_of(artifact: ArtifactInfo, token: str, deadline: Deadline) -> RunReport:
    archive = retried(f"artifact {artifact.name}", lambda: download(artifact.download_url, token, deadline), deadline)
    return confined(read_report, archive, artifact.name)
