"""Publish a finished run's results for the commit that it judged, from a workflow on the default branch.

There is one path for pull requests of this repository, of forks and of Dependabot, merge groups and pushes. The run's
artifacts come from unreviewed code. The comment's destination, commit and links come only from GitHub's API; only checked
figures and names of a report are used, and they are rendered here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from kindgate.errors import GitHubError, PublishRefused
from kindgate.github.client import Api
from kindgate.github.comment import PostResult
from kindgate.github.context import read_context
from kindgate.github.publication import Publication, Published, Request, SealedRun
from kindgate.github.replies import WorkflowRun
from kindgate.github.retry import retried, within
from kindgate.github.subject import newest_run_of
from kindgate.settings import GitHubSettings
from kindgate.waiting import Deadline

T = TypeVar("T")

PUBLISH_SECONDS = 180.0
"""Timeout in seconds for reading the run, its artifacts and its pull requests, and for posting."""


def publish_run(request: Request, settings: GitHubSettings, env: Mapping[str, str], *, seconds: float = PUBLISH_SECONDS) -> Published:
    """Set the commit status of a run's head, and comment on every open pull request with that head, whatever the run's conclusion.

    An unfinished run sets the status to pending. If there is nothing to publish, the result states that. Raises
    `GitHubError` if GitHub cannot be read or written, and `WaitTimeout` after `seconds`.
    """
    without_run = Published((PostResult(f"#{request.pull} has no run of {request.expected.workflow} for its head: nothing was published"),))
    return _with_publication(request, settings, env, Publication.publish, without_run=without_run, seconds=seconds)


def render_pages(
    request: Request, settings: GitHubSettings, env: Mapping[str, str], folder: Path, *, seconds: float = PUBLISH_SECONDS
) -> tuple[Path, ...]:
    """Write the HTML page of each leg of a finished pull request run from its checked report; nothing is posted.

    Raises as `publish_run`.
    """
    return _with_publication(request, settings, env, lambda publication: publication.write_pages(folder), without_run=(), seconds=seconds)


def _with_publication(
    request: Request, settings: GitHubSettings, env: Mapping[str, str], work: Callable[[Publication], T], *, without_run: T, seconds: float
) -> T:
    """Return the result of `work` for the requested run, or `without_run` without a run."""
    context = read_context(env)
    if not (context.repository and context.token):
        missing = "GITHUB_TOKEN" if context.repository else "GITHUB_REPOSITORY"
        raise GitHubError(f"{missing} is not set", next_step="run it in a workflow, with the token in this step's environment")
    deadline = Deadline.after(seconds)

    def published() -> T:
        with Api(context.api_url, context.token, context.repository, timeout=deadline.remaining / 3) as api:
            run_id = request.run_id or _newest_run(api, request, deadline)
            if not run_id:
                return without_run
            run = retried(f"run {run_id}", lambda: api.workflow_run(run_id), deadline)
            if request.sealed is not None:
                run = _as_judged_by(api, run, request.sealed, deadline)
            return work(Publication(api, run, request, settings, context, deadline))

    return within(deadline, "GitHub", published)


def _newest_run(api: Api, request: Request, deadline: Deadline) -> int:
    """The newest run for a pull request's head; 0 without one."""
    pull = retried(f"pull request #{request.pull}", lambda: api.pull(request.pull), deadline)
    run = retried("the pull request's runs", lambda: newest_run_of(api, request.expected.workflow, pull), deadline)
    return run.id if run else 0


def _as_judged_by(api: Api, requester: WorkflowRun, sealed: SealedRun, deadline: Deadline) -> WorkflowRun:
    """The judging run, presented as one for the commit of the run that requested it.

    `workflow_run` starts only workflows of the default branch, so the run's file and the workflows it called were merged by
    a user with write access. Raises `PublishRefused` for any other run.
    """
    judge = retried(f"run {sealed.run_id}", lambda: api.workflow_run(sealed.run_id), deadline)
    if judge.event != "workflow_run":
        raise PublishRefused(f"run {judge.id} was started by {judge.event}: a sealed run must follow another run")
    conclusion = requester.conclusion if sealed.conclusion == "skipped" else sealed.conclusion
    return replace(
        judge,
        event=requester.event,
        status="completed" if conclusion else "in_progress",
        conclusion=conclusion,
        head_sha=requester.head_sha,
        head_branch=requester.head_branch,
        head_owner=requester.head_owner,
        head_repository_id=requester.head_repository_id,
    )
