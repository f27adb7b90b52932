"""A finished run's uploads: its reports, downloaded and checked, and the reasons for unreadable ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kindgate.errors import GitHubRefused, PublishRefused
from kindgate.github.artifact import ARCHIVE_LIMIT, download, read_report
from kindgate.github.client import Api
from kindgate.github.confined import confined
from kindgate.github.legs import LegAttempt, newest_of_each_leg
from kindgate.github.replies import ArtifactInfo, WorkflowRun
from kindgate.github.retry import retried
from kindgate.report.run_report import RunReport
from kindgate.waiting import Deadline

ARTIFACTS_LIMIT = 300
"""Maximum artifacts of a run to examine, over all its attempts."""

LEGS_LIMIT = 20


@dataclass(frozen=True)
class Uploads:
    """The reports by leg, each with the attempt in its artifact's name; `problems` state by leg why one is unreadable."""

    reports: dict[str, LegAttempt[RunReport]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    """Why nothing was read at all; empty if the artifacts were examined."""


def read_uploads(api: Api, run: WorkflowRun, token: str, deadline: Deadline) -> Uploads:
    """The run's uploads. An unreadable report is recorded as a problem rather than raised, so it can be reported.

    Raises `GitHubError` and `WaitTimeout` if GitHub is unavailable.
    """
    try:
        artifacts = retried("the run's artifacts", lambda: api.artifacts(run.id, at_most=ARTIFACTS_LIMIT), deadline)
        chosen = newest_artifacts(run, artifacts)
    except PublishRefused as error:
        return Uploads(refusal=error.message)
    reports: dict[str, LegAttempt[RunReport]] = {}
    problems: dict[str, str] = {}
    for artifact in chosen:
        problem = problem_of(run, artifact)
        if not problem:
            try:
                reports[artifact.leg] = LegAttempt(artifact.leg, artifact.attempt, _report_of(artifact.value, token, deadline))
            except (PublishRefused, GitHubRefused) as error:
                problem = error.message
        if problem:
            problems[artifact.leg] = problem
    return Uploads(reports, problems)


def newest_artifacts(run: WorkflowRun, artifacts: Sequence[ArtifactInfo]) -> list[LegAttempt[ArtifactInfo]]:
    """The newest report of each leg. Raises `PublishRefused` if there are too many legs."""
    newest = newest_of_each_leg((artifact.name, artifact) for artifact in artifacts)
    if len(newest) > LEGS_LIMIT:
        raise PublishRefused(f"run {run.id} has reports from {len(newest)} legs, more than {LEGS_LIMIT}")
    return newest


def problem_of(run: WorkflowRun, artifact: LegAttempt[ArtifactInfo]) -> str:
    """Why a listed artifact is not worth downloading; empty if it is."""
    if artifact.attempt > run.attempt:
        return f"artifact {artifact.value.name} claims an attempt that run {run.id} has not had"
    if artifact.value.size > ARCHIVE_LIMIT:
        return f"artifact {artifact.value.name} has {artifact.value.size} bytes, more than {ARCHIVE_LIMIT}"
    if artifact.value.expired:
        return f"artifact {artifact.value.name} has expired"
    return ""


def _report_of(artifact: ArtifactInfo, token: str, deadline: Deadline) -> RunReport:
    archive = retried(f"artifact {artifact.name}", lambda: download(artifact.download_url, token, deadline), deadline)
    return confined(read_report, archive, artifact.name)
