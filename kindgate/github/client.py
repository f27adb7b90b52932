"""The one module that imports PyGithub: each call is one request (lists: one per 100 items), and raises kindgate's errors.

PyGithub's own retries are off: they wait for any Retry-After, however long, never retry a PATCH, and resend a POST whose
reply was lost. The caller decides about retries.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

import requests

from kindgate.call_log import logged_call
from kindgate.errors import GitHubError, GitHubRefused, GitHubUnavailable, PublishRefused, clipped
from kindgate.github.comment_decision import Comment
from kindgate.github.replies import (
    ArtifactInfo,
    CalledWorkflow,
    ChangedFile,
    JobInfo,
    PullState,
    TimelineEvent,
    WorkflowRun,
    moment,
)

if TYPE_CHECKING:
    from github import Github, GithubException
    from github.PullRequest import PullRequest as PyGithubPull
    from github.Repository import Repository
    from github.Requester import Requester

_LOG = logging.getLogger(__name__)

READ_TIMEOUT = 15
"""Seconds without data after which a read times out."""

WRITE_PAUSE = 1.0
"""Seconds between two writes (docs.github.com, "Best practices for using the REST API")."""

_NEXT_STEPS = {
    401: "GITHUB_TOKEN has expired or is not a token of this GitHub",
    403: (
        "give the job `permissions: actions: read, contents: read, pull-requests: write, statuses: write`; "
        "a locked conversation or an archived repository accepts no comments"
    ),
    404: "the token has no access to this repository, or the requested object was deleted",
    410: "the requested object was deleted, or issues are disabled in this repository",
}


class Api:
    """A repository's API. Close it, or use it as a context manager.

    Every method raises `GitHubRefused` if GitHub rejects the request, and `GitHubUnavailable` if the outcome is unknown or
    a retry may succeed.
    """

    def __init__(self, base_url: str, token: str, repository: str, *, timeout: float = READ_TIMEOUT) -> None:
        from github import Auth, Github  # noqa: PLC0415 - 0.2 s, and it adds a log handler

        self._github: Github = Github(
            auth=Auth.Token(token),
            base_url=base_url,
            lazy=True,
            per_page=100,
            timeout=max(1, math.ceil(timeout)),
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=WRITE_PAUSE,
            user_agent="kindgate",
        )
        _log_requests(self._github.requester, urlsplit(base_url).path.rstrip("/"))
        self._repository: Repository = self._github.get_repo(repository)
        self._pulls: dict[int, PyGithubPull] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._github.close()

    def pull(self, number: int) -> PullState:
        """The pull request's current state."""
        with _translated_errors(f"read pull request #{number}"):
            pull = self._repository.get_pull(number)
            state = _pull_state(pull, comments=pull.comments, changed_files=pull.changed_files)
        self._pulls[number] = pull
        return state

    def open_pulls(self, owner: str, branch: str) -> list[PullState]:
        """The open pull requests from this branch of the owner's repositories."""
        with _translated_errors(f"list pull requests from {owner}:{branch}"):
            return [_pull_state(pull) for pull in self._repository.get_pulls(state="open", head=f"{owner}:{branch}")]

    def comments(self, number: int) -> list[Comment]:
        """All conversation comments, oldest first."""
        with _translated_errors(f"list the comments of #{number}"):
            return [
                Comment(comment.id, comment.user.login if comment.user else "", comment.body or "", comment.html_url)
                for comment in self._pull(number).get_issue_comments()
            ]

    def create(self, number: int, body: str) -> Comment:
        """Write a comment. After `GitHubUnavailable` it may exist: list comments before writing again."""
        with _translated_errors(f"comment on #{number}"):
            created = self._pull(number).create_issue_comment(body)
            if not isinstance(created.raw_data.get("id"), int):
                raise GitHubUnavailable(f"comment on #{number}: the response describes no comment")
            return Comment(created.id, created.user.login if created.user else "", body, created.html_url)

    def edit(self, number: int, comment: Comment, body: str) -> None:
        """Replace a comment's body. After `GitHubUnavailable` it may have been replaced."""
        with _translated_errors(f"edit comment {comment.id}"):
            edited = self._pull(number).get_issue_comment(comment.id)
            edited.edit(body)
            if (edited.body or "").splitlines()[:1] != body.splitlines()[:1]:  # a reply without the body is retried
                raise GitHubUnavailable(f"edit comment {comment.id}: the response does not describe it")

    def delete(self, number: int, comment: Comment) -> None:
        """Delete a comment; succeeds if it is already gone."""
        try:
            with _translated_errors(f"delete comment {comment.id}"):
                self._pull(number).get_issue_comment(comment.id).delete()
        except GitHubRefused as error:
            if error.status not in {404, 410}:
                raise

    def workflow_run(self, run_id: int) -> WorkflowRun:
        """A workflow run by id."""
        with _translated_errors(f"read workflow run {run_id}"):
            return _run_of(self._json(f"/actions/runs/{run_id}"))

    def runs_of(self, workflow: str, head_sha: str) -> list[WorkflowRun]:
        """The newest hundred runs of a workflow, by file name, for this head commit; empty if the workflow does not exist."""
        try:
            with _translated_errors(f"list the runs of {workflow}"):
                reply = self._json(f"/actions/workflows/{quote(workflow, safe='')}/runs", head_sha=head_sha, per_page=100)
                return [_run_of(run) for run in reply["workflow_runs"]]
        except GitHubRefused as error:
            if error.status == 404:
                return []
            raise

    def jobs(self, run_id: int) -> list[JobInfo]:
        """The first hundred jobs of a run, each from its newest attempt."""
        with _translated_errors(f"list the jobs of run {run_id}"):
            reply = self._json(f"/actions/runs/{run_id}/jobs", filter="latest", per_page=100)
            return [JobInfo(job["name"], job["conclusion"] or "") for job in reply["jobs"]]

    def artifacts(self, run_id: int, *, at_most: int) -> list[ArtifactInfo]:
        """The artifacts of all attempts of a run; raises `PublishRefused` above `at_most`, before reading them all."""
        with _translated_errors(f"list the artifacts of run {run_id}"):
            listed = self._repository.get_workflow_run(run_id).get_artifacts()
            artifacts = []
            for artifact in listed:
                url = artifact.archive_download_url
                artifacts.append(ArtifactInfo(artifact.id, artifact.name, artifact.size_in_bytes, artifact.expired, url))
                if len(artifacts) > at_most:
                    raise PublishRefused(f"run {run_id} has more than {at_most} artifacts")
            return artifacts

    def merge_base(self, base: str, head: str) -> str:
        """The merge base of `base` and `head`."""
        with _translated_errors(f"compare {base} with {head}"):
            return self._repository.compare(base, head).merge_base_commit.sha

    def file(self, path: str, ref: str) -> str:
        """The text of a file at a commit; empty if missing. Raises `GitHubRefused` above 1 MB, which GitHub does not send."""
        try:
            with _translated_errors(f"read {path} at {ref}"):
                content = self._repository.get_contents(path, ref=ref)
        except GitHubRefused as error:
            if error.status == 404:
                return ""
            raise
        if isinstance(content, list) or content.type != "file":
            return ""
        if content.encoding != "base64":
            raise GitHubRefused(f"cannot read {path} at {ref}: GitHub sends no file larger than 1 MB", status=413)
        with _translated_errors(f"read {path} at {ref}"):
            return content.decoded_content.decode(errors="replace")

    def folder(self, path: str, ref: str) -> dict[str, str]:
        """The entries of a folder at a commit, as hashes by name (GitHub lists at most 1,000); empty if missing."""
        try:
            with _translated_errors(f"list {path or 'the root'} at {ref}"):
                reply = self._json(f"/contents/{quote(path)}", ref=ref)
                return {entry["name"]: entry["sha"] for entry in reply} if isinstance(reply, list) else {}
        except GitHubRefused as error:
            if error.status == 404:
                return {}
            raise

    def newest_push_run(self, workflow: str, branch: str) -> WorkflowRun | None:
        """The newest successful run of a workflow, by file name, that a push to the branch started."""
        with _translated_errors(f"list the runs of {workflow}"):
            path = f"/actions/workflows/{quote(workflow, safe='')}/runs"
            runs = self._json(path, branch=branch, event="push", status="success", per_page=1)["workflow_runs"]
            return _run_of(runs[0]) if runs else None

    def changed_files(self, number: int) -> list[ChangedFile]:
        """The files that a pull request changes (GitHub lists at most 3,000: compare with `PullState.changed_files`)."""
        with _translated_errors(f"list the files of #{number}"):
            return [ChangedFile(file.filename, file.previous_filename or "", file.status) for file in self._pull(number).get_files()]

    def tree(self, commit: str) -> tuple[dict[str, str], bool]:
        """The blobs of a commit's whole tree by path, and whether GitHub truncated it (above 100,000 entries or 7 MB)."""
        with _translated_errors(f"list the files of {commit}"):
            reply = self._json(f"/git/trees/{commit}", recursive="1")
            return {entry["path"]: entry["sha"] for entry in reply["tree"] if entry["type"] != "tree"}, bool(reply["truncated"])

    def branch_head(self, branch: str) -> str:
        """The head commit of a branch, never of a tag with the same name."""
        with _translated_errors(f"read branch {branch}"):
            return str(self._json(f"/branches/{quote(branch, safe='')}")["commit"]["sha"])

    def default_branch(self) -> str:
        """The repository's default branch."""
        with _translated_errors("read the repository"):
            return str(self._json("")["default_branch"])

    def timeline(self, number: int, *, at_most: int) -> list[TimelineEvent]:
        """A pull request's timeline, oldest event first; raises `PublishRefused` above `at_most` events."""
        events: list[TimelineEvent] = []
        with _translated_errors(f"read the timeline of #{number}"):
            page = 1
            while True:
                listed = self._json(f"/issues/{number}/timeline", per_page=100, page=page)
                events += [_event_of(event) for event in listed]
                if len(listed) < 100:
                    return events
                if len(events) >= at_most:
                    raise PublishRefused(f"#{number} has more than {at_most} events in its timeline")
                page += 1

    def permission(self, login: str) -> tuple[str, int]:
        """A user's permission (admin, write, read or none) and id; `none` for a user who is not a collaborator."""
        try:
            with _translated_errors(f"read the permission of {login}"):
                reply = self._json(f"/collaborators/{quote(login, safe='')}/permission")
                return str(reply["permission"]), int((reply["user"] or {}).get("id", 0))
        except GitHubRefused as error:
            if error.status == 404:
                return "none", 0
            raise

    def set_status(self, commit: str, *, state: str, context: str, description: str, target_url: str) -> None:
        """Write a commit status; the newest per context counts. Writing it twice is harmless."""
        with _translated_errors(f"set the status of {commit[:10]}"):
            payload = {"state": state, "context": context, "description": description, "target_url": target_url}
            self._repository.requester.requestJsonAndCheck("POST", f"{self._repository.url}/statuses/{commit}", input=payload)

    def _json(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The decoded reply to one GET below the repository's URL."""
        return self._repository.requester.requestJsonAndCheck("GET", f"{self._repository.url}{path}", parameters=query)[1]

    def _pull(self, number: int) -> PyGithubPull:
        """The pull request as read by `pull`, so its URLs need no request."""
        if number not in self._pulls:
            self.pull(number)
        return self._pulls[number]


def _log_requests(requester: Requester, base: str) -> None:
    """Log each request of PyGithub with method, path below `base`, and status; headers and bodies are never logged."""
    send = requester.requestJson

    def logged_send(verb: str, url: str, *args: Any, **kwargs: Any) -> tuple[int, dict[str, Any], str]:  # noqa: ANN401 - passed on
        with logged_call(_LOG, f"{verb} {urlsplit(url).path.removeprefix(base)}") as call:
            reply = send(verb, url, *args, **kwargs)
            call.outcome = reply[0]
        return reply

    requester.requestJson = logged_send  # type: ignore[method-assign]  # PyGithub's own log has no durations, but headers


def _pull_state(pull: PyGithubPull, comments: int = 0, changed_files: int = 0) -> PullState:
    """The counts are separate arguments: a list of pull requests omits them, and PyGithub would send a request for them."""
    return PullState(
        number=pull.number,
        head_sha=pull.head.sha,
        head_repository_id=pull.head.repo.id if pull.head.repo else 0,
        base_sha=pull.base.sha,
        base_ref=pull.base.ref,
        head_ref=pull.head.ref,
        open=pull.state == "open",
        comments=comments,
        changed_files=changed_files,
    )


def _run_of(run: Any) -> WorkflowRun:  # noqa: ANN401 - a decoded reply, which may hold anything
    head = run["head_repository"] or {}
    return WorkflowRun(
        id=run["id"],
        attempt=run["run_attempt"],
        event=run["event"],
        status=run["status"],
        conclusion=run["conclusion"] or "",
        head_sha=run["head_sha"],
        head_branch=run["head_branch"] or "",
        head_owner=head["owner"]["login"] if head else "",
        head_repository_id=head.get("id", 0),
        url=run["html_url"],
        workflow=run["name"] or "",
        path=run["path"],
        created=moment(run["created_at"]),
        called=tuple(CalledWorkflow(one["path"], one["sha"]) for one in run.get("referenced_workflows") or ()),
    )


def _event_of(event: Any) -> TimelineEvent:  # noqa: ANN401 - as above
    actor = event.get("actor") or {}
    created = event.get("created_at")
    return TimelineEvent(
        kind=event["event"],
        at=moment(created) if created else 0.0,
        actor=actor.get("login", ""),
        actor_id=actor.get("id", 0),
        label=(event.get("label") or {}).get("name", ""),
    )


@contextmanager
def _translated_errors(action: str) -> Iterator[None]:
    """Convert errors of PyGithub, requests and invalid replies to kindgate's errors."""
    from github import BadAttributeException, GithubException  # noqa: PLC0415 - see Api

    try:
        yield
    except GithubException as error:
        raise _error_of(action, error) from error
    except requests.RequestException as error:
        raise GitHubUnavailable(f"cannot {action}: {clipped(str(error), 300)}") from error
    except (BadAttributeException, AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        # PyGithub asserts URLs and reads replies without checks: a proxy's error page ends here
        raise GitHubUnavailable(
            f"cannot {action}: GitHub's response is invalid ({type(error).__name__}: {clipped(str(error), 200)})"
        ) from error


def _error_of(action: str, error: GithubException) -> GitHubError:
    """Tell a refusal from an error worth a retry (docs.github.com, "Rate limits for the REST API")."""
    message = clipped(str(error.message or (error.data or {}).get("message", "") or error.data), 300)
    headers = error.headers or {}
    text = f"cannot {action}: HTTP {error.status} {message}"
    limited = error.status == 429 or (error.status == 403 and ("retry-after" in headers or "rate limit" in message.lower()))
    if limited or error.status >= 500:
        return GitHubUnavailable(text, retry_after=_requested_wait(headers, limited=limited))
    return GitHubRefused(text, status=error.status, next_step=_NEXT_STEPS.get(error.status, ""))


def _requested_wait(headers: dict[str, str], *, limited: bool) -> float:
    """Seconds that GitHub asks to wait: from Retry-After, from the reset time of an empty quota, otherwise a minute for a limit."""
    retry_after = headers.get("retry-after", "")
    if retry_after.isdigit():
        return float(retry_after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - time.time()) + 1
    return 60.0 if limited else 0.0
