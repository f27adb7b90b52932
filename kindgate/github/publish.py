"""Posts for runs whose own token cannot: those of forks and of Dependabot. Runs in a `workflow_run` workflow.

The run's artifacts come from a stranger's code. What decides where a comment goes and what its headline says comes
from GitHub's API alone; from the artifact come only checked figures and names, which are rendered here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import GitHubError, GitHubRefused, PublishRefused
from kindgate.github.api import Api, ArtifactInfo, PullState, WorkflowRun
from kindgate.github.artifact import ARCHIVE_LIMIT, download, read_report
from kindgate.github.bounded import retried, within
from kindgate.github.changes import CHANGES_LIMIT, gate_files, is_slo_file, threshold_changes
from kindgate.github.comment import PostResult
from kindgate.github.context import Context, read_context
from kindgate.github.legs import Collected, Named, leg_names, newest_of_each_leg
from kindgate.github.links import page_link, page_name, run_links
from kindgate.github.marker import Marker, comment_id
from kindgate.github.post import POST_SECONDS, message_of_legs, settle
from kindgate.report.objectives import GateChanges, ThresholdChange
from kindgate.report.run import Link, PullRequest, RunReport
from kindgate.settings import GitHubSettings
from kindgate.waiting import Deadline

PUBLISH_SECONDS = 180.0
"""Seconds for reading the run, its artifacts and its pull requests, and for posting."""

ARTIFACTS_LIMIT = 300
"""Artifacts of a run, of all its attempts, that are looked at."""

LEGS_LIMIT = 20
_SLO_TEXT_LIMIT = 64 * 1024
_PUBLISHED = frozenset({"success", "failure", "timed_out"})


def publish_run(
    run_id: int,
    settings: GitHubSettings,
    env: Mapping[str, str],
    *,
    expected: Sequence[str] = (),
    seconds: float = PUBLISH_SECONDS,
) -> tuple[PostResult, ...]:
    """Post the reports of a finished run to every open pull request whose head it ran, one result each.

    `expected` names legs that have to be there, several in one text if need be. Nothing to publish is a result that
    says so. Raises `PublishRefused` for an artifact that is not what it has to be, `GitHubError` when GitHub cannot
    be read or written, and `WaitTimeout` after `seconds`.
    """
    context = read_context(env)
    if not (context.repository and context.token):
        missing = "GITHUB_TOKEN" if context.repository else "GITHUB_REPOSITORY"
        raise GitHubError(f"{missing} is not set", next_step="run it in a workflow, with the token in the environment of this step")
    if settings.comment == "never":
        return (PostResult("--github-comment=never, comment skipped"),)
    deadline = Deadline.after(seconds)
    return within(deadline, "GitHub", lambda: _publish(run_id, settings, context, expected, deadline))


def _publish(
    run_id: int, settings: GitHubSettings, context: Context, expected: Sequence[str], deadline: Deadline
) -> tuple[PostResult, ...]:
    with Api(context.api_url, context.token, context.repository, timeout=deadline.remaining / 3) as api:
        run = retried(f"run {run_id}", lambda: api.workflow_run(run_id), deadline)
        reason = nothing_to_publish(run)
        if reason:
            return (PostResult(reason),)
        artifacts = retried("its artifacts", lambda: api.artifacts(run_id, at_most=ARTIFACTS_LIMIT), deadline)
        chosen = choose(run, artifacts)
        if not chosen:
            return (PostResult(f"run {run_id} has no report among its artifacts, comment skipped"),)
        pulls = retried("its pull requests", lambda: _pulls_of(api, run), deadline)
        if not pulls:
            return (PostResult(f"no open pull request has run {run_id}'s head {run.head_sha[:10]}, comment skipped"),)
        reports = {found.leg: _report_of(found, context, deadline) for found in chosen}
        pages = page_links(run, chosen, artifacts)
        publication = _Publication(api, run, reports, pages, leg_names(expected), settings, context, deadline)
        return tuple(publication.comment_on(pull) for pull in pulls)


@dataclass(frozen=True)
class _Publication:
    """A run's checked reports on their way to the pull requests that it is about."""

    api: Api
    run: WorkflowRun
    reports: Mapping[str, RunReport]
    pages: Mapping[str, Link]
    expected: tuple[str, ...]
    settings: GitHubSettings
    context: Context
    deadline: Deadline

    def comment_on(self, pull: PullState) -> PostResult:
        """Render and post what the run says about one pull request."""
        run = self.run
        record = PullRequest(
            repository=self.context.repository,
            number=pull.number,
            head_sha=run.head_sha,
            base_sha=pull.base_sha,
            run_id=run.id,
            attempt=run.attempt,
            run_url=run.url,
        )
        changes, warnings = self._gate_changes(pull)
        shown = {leg: trusted(report, record, changes, self.pages.get(leg)) for leg, report in self.reports.items()}
        missing = tuple(sorted(set(self.expected) - shown.keys()))
        message = message_of_legs(Collected(shown, missing), run.conclusion)
        marker = Marker(comment_id(self.settings.id, run.workflow, Path(), ""), run.head_sha, run.id, run.attempt, message.digest)
        deadline = self.deadline.at_most(POST_SECONDS)
        result = settle(self.api, message, self.settings, number=pull.number, marker=marker, deadline=deadline)
        return PostResult(result.line, result.url, (*warnings, *result.warnings))

    def _gate_changes(self, pull: PullState) -> tuple[GateChanges, tuple[str, ...]]:
        """What the pull request changes about the gate; a token without `contents: read` leaves the thresholds out."""
        changed = retried("the files of the pull request", lambda: self.api.changed_files(pull.number), self.deadline)
        files = gate_files(changed)
        thresholds: list[ThresholdChange] = []
        try:
            slo_files = [file for file in files if is_slo_file(file)]
            start = self._start_of(pull) if slo_files else ""
            for file in slo_files:
                old, new = (self._text(file, commit) for commit in (start, pull.head_sha))
                thresholds += threshold_changes(file, old, new)
        except GitHubRefused as error:
            return GateChanges(files=files), (f"the changed thresholds are not known: {error.message}",)
        return GateChanges(files=files, thresholds=tuple(thresholds[:CHANGES_LIMIT])), ()

    def _start_of(self, pull: PullState) -> str:
        """The commit that the pull request started from: what its base has done since is not its doing."""
        return retried("where the pull request started", lambda: self.api.merge_base(pull.base_sha, pull.head_sha), self.deadline)

    def _text(self, file: str, commit: str) -> str:
        return retried(file, lambda: self.api.file(file, commit), self.deadline)[:_SLO_TEXT_LIMIT]


def nothing_to_publish(run: WorkflowRun) -> str:
    """Why a run gets no comment from here; empty when it does."""
    if run.event != "pull_request":
        return f"run {run.id} was started by {run.event}, not by a pull request, comment skipped"
    if run.status != "completed":
        return f"run {run.id} is {run.status}, comment skipped"
    if run.conclusion not in _PUBLISHED:
        return f"run {run.id} ended with {run.conclusion or 'nothing'}, comment skipped"
    return ""


def choose(run: WorkflowRun, artifacts: Sequence[ArtifactInfo]) -> list[Named[ArtifactInfo]]:
    """The newest report of each leg, checked before anything is downloaded.

    Raises `PublishRefused` for too many legs, an archive above `ARCHIVE_LIMIT` or one that has expired.
    """
    chosen = newest_of_each_leg((artifact.name, artifact) for artifact in artifacts)
    if len(chosen) > LEGS_LIMIT:
        raise PublishRefused(f"run {run.id} has reports of {len(chosen)} legs, more than {LEGS_LIMIT}")
    for found in chosen:
        if found.attempt > run.attempt:
            raise PublishRefused(f"artifact {found.value.name} claims an attempt that run {run.id} has not had")
        if found.value.size > ARCHIVE_LIMIT:
            raise PublishRefused(f"artifact {found.value.name} has {found.value.size} bytes, more than {ARCHIVE_LIMIT}")
        if found.value.expired:
            raise PublishRefused(f"artifact {found.value.name} has expired")
    return chosen


def page_links(run: WorkflowRun, chosen: Sequence[Named[ArtifactInfo]], artifacts: Sequence[ArtifactInfo]) -> dict[str, Link]:
    """The HTML report of each chosen leg, where the run has uploaded one."""
    uploaded = {artifact.name: artifact.id for artifact in artifacts if not artifact.expired}
    pages = {found.leg: uploaded.get(page_name(found.leg, found.attempt)) for found in chosen}
    return {leg: page_link(run.url, number) for leg, number in pages.items() if number is not None}


def trusted(report: RunReport, record: PullRequest, changes: GateChanges, page: Link | None = None) -> RunReport:
    """`report` with what GitHub itself says in place of what the report says about pull request, links and gate."""
    links = (*run_links(record.run_url), *((page,) if page else ()))
    return report.model_copy(update={"pull_request": record, "links": links, "gate_changes": changes})


def _pulls_of(api: Api, run: WorkflowRun) -> list[PullState]:
    """The open pull requests that the run is about: `workflow_run.pull_requests` is empty for forks.

    Repositories are compared by their ids, because a name may be another repository's by now.
    """
    if not run.head_owner or not run.head_repository_id:
        return []
    listed = api.open_pulls(run.head_owner, run.head_branch)
    return [pull for pull in listed if pull.head_sha == run.head_sha and pull.head_repository_id == run.head_repository_id]


def _report_of(found: Named[ArtifactInfo], context: Context, deadline: Deadline) -> RunReport:
    artifact = found.value
    archive = retried(f"artifact {artifact.name}", lambda: download(artifact.download_url, context.token, deadline), deadline)
    return read_report(archive, artifact.name)
